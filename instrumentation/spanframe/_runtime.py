"""The one piece of state: settings, provider, delivery; made with the first span."""

import atexit
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from opentelemetry import trace as otel_trace
from opentelemetry.context import Context, attach, get_current
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator

from spanframe import keys
from spanframe._context import LIVE
from spanframe._delivery import Delivery
from spanframe._guard import fault
from spanframe._otlp import OtlpExporter
from spanframe._recorder import Recorder, make_provider
from spanframe._redaction import Redact
from spanframe._stats import Losses, Stats
from spanframe._trace_facts import process_facts
from spanframe.settings import ClientSettings, client_environment

__all__ = [
    "Runtime",
    "configure",
    "current_settings",
    "flush",
    "runtime",
    "set_tracking_uri",
    "shutdown",
    "stats",
]

_FLUSH_BEFORE_CHANGE_MS: Final = 2000
# The settings that say where spans go, and how.
_ROUTE: Final = (
    "endpoint",
    "token",
    "headers",
    "compression",
    "certificate",
    "client_certificate",
    "client_key",
    "export_timeout",
    "retry_for",
)
_EVERYTHING_HERE: Final = {
    "sampler": "parentbased_always_on",
    "use_global_provider": False,
    "disabled": False,
}


class Runtime:
    """The state of the process; every change goes through `configure` or a setter."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._begin()

    def _begin(self) -> None:
        """Set every attribute as at the start of the process."""
        self.given: dict[str, Any] = {}
        self.read: tuple[object, ClientSettings] | None = None
        self.redact: Redact | None = None
        self.exporter: SpanExporter | None = None
        self.id_generator: IdGenerator | None = None
        self.clock: Callable[[], int] | None = None
        self.losses = Losses()
        self.delivery: Delivery | None = None
        self.recorder: Recorder | None = None
        self.route: tuple[object, ...] = ()
        self.enabled = True
        self.broken = False
        self.experiment = ""
        self.model_id = ""
        self.root_attributes: Mapping[str, str] = {}
        self.borrows_provider = False
        self.last_trace_id: int | None = None

    def start(self) -> Recorder | None:
        """Make the recorder, once; None when the settings cannot be used."""
        with self.lock:
            if self.recorder is None and not self.broken:
                try:
                    self._build(self.settings())
                except Exception:  # noqa: BLE001 - the guard: the app goes on
                    self.broken = True
                    fault("starting")
            return self.recorder

    def settings(self) -> ClientSettings:
        """Read the settings: what `configure` was given, then the environment.

        What was read is kept until one of the two changes: every search asks.
        """
        source = (self.given, client_environment())
        if self.read is None or self.read[0] != source:
            self.read = (source, ClientSettings.load(self.given))
        return self.read[1]

    def configure(
        self,
        given: Mapping[str, Any],
        redact: Redact | None = None,
        exporter: SpanExporter | None = None,
    ) -> None:
        """Take new settings; spans that ended before go out the way they were to."""
        with self.lock:
            wanted = self.given | {k: v for k, v in given.items() if v is not None}
            settings = ClientSettings.load(wanted)
            before = current_settings() if self.recorder is not None else None
            self.given = wanted
            self.broken = False
            seams = (self.redact, self.exporter)
            self.redact = redact or self.redact
            if exporter is not None or given.get("endpoint") is not None:
                self.exporter = exporter
            changed = before != settings or seams != (self.redact, self.exporter)
            if before is not None and changed:
                self._build(settings)

    def _build(self, settings: ClientSettings) -> None:
        self.borrows_provider = settings.use_global_provider
        if self.borrows_provider:
            provider: otel_trace.TracerProvider = otel_trace.get_tracer_provider()
        else:
            delivery = self._deliver(settings)
            provider = make_provider(
                settings, delivery, self.id_generator, self.is_enabled
            )
        if settings.disabled:
            self.enabled = False
        self.set_root_attributes()
        self.recorder = Recorder(settings, provider, self.redact)

    def _deliver(self, settings: ClientSettings) -> Delivery:
        route = (self.exporter, *(getattr(settings, name) for name in _ROUTE))
        if self.delivery is None:
            self.delivery = Delivery(
                self.exporter or OtlpExporter(settings, self.losses),
                self.losses,
                queue_size=settings.queue_size,
                queue_characters=settings.queue_characters,
                batch_size=settings.batch_size,
                delay_s=settings.schedule_delay_ms / 1000,
                exit_s=settings.exit_timeout,
            )
            atexit.register(self.end)
        elif route != self.route:
            self.delivery.force_flush(_FLUSH_BEFORE_CHANGE_MS)
            exporter = self.exporter or OtlpExporter(settings, self.losses)
            self.delivery.replace_exporter(exporter)
        self.route = route
        return self.delivery

    def set_root_attributes(self) -> None:
        """Work out what every new trace begins with."""
        facts = {
            keys.METADATA_PREFIX + keys.META_MODEL_ID: self.model_id,
            keys.EXPERIMENT: self.experiment,
            # A provider of our own says these once, on its resource.
            **(process_facts() if self.borrows_provider else {}),
        }
        self.root_attributes = {key: value for key, value in facts.items() if value}

    def is_enabled(self) -> bool:
        """Say whether spans are recorded."""
        return self.enabled

    def close(self) -> None:
        """Send what waits, within the bound, and stop."""
        with self.lock:
            delivery, self.delivery = self.delivery, None
            self.recorder = None
            atexit.unregister(self.end)
        if delivery is not None:
            delivery.shutdown()

    def end(self) -> None:
        """Close for good: what is called after this is not recorded."""
        self.close()
        self.enabled = False

    @contextmanager
    def isolated(self, exporter: SpanExporter) -> Iterator[None]:
        """Record every trace to ``exporter`` inside the block, settings as they are."""
        with self.lock:
            outer = dict(vars(self))
            self._begin()
            self.given = outer["given"] | _EVERYTHING_HERE
            for kept in ("redact", "experiment", "model_id"):
                setattr(self, kept, outer[kept])
            self.exporter = exporter
        try:
            yield
        finally:
            self.close()
            with self.lock:
                vars(self).update(outer)
            if self.delivery is not None:
                atexit.register(self.end)

    def reset(self) -> None:
        """Close, and begin again as a new process would."""
        self.close()
        last_trace_id.set(None)
        self._begin()


runtime: Final = Runtime()


def _after_fork() -> None:
    """Begin again in a forked child; the parent records the spans that are open.

    The child's own spans stay their children, as if the parent were remote.
    """
    runtime.lock = threading.RLock()
    runtime.losses.after_fork()
    here = get_current()
    if LIVE in here:
        open_span = otel_trace.get_current_span(here).get_span_context()
        entries = {key: value for key, value in here.items() if key != LIVE}
        remote = otel_trace.NonRecordingSpan(open_span)
        attach(otel_trace.set_span_in_context(remote, Context(entries)))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

last_trace_id: Final[ContextVar[int | None]] = ContextVar(
    "spanframe_last_trace_id", default=None
)


def configure(
    *,
    endpoint: str | None = None,
    store: str | None = None,
    service_name: str | None = None,
    experiment: str | None = None,
    token: str | None = None,
    warehouses: Mapping[str, str] | None = None,
    capture: bool | None = None,
    capture_limit: int | None = None,
    redact_keys: Sequence[str] | None = None,
    redact: Redact | None = None,
    sampler: str | None = None,
    sample_ratio: float | None = None,
    use_global_provider: bool | None = None,
    exporter: SpanExporter | None = None,
) -> None:
    """Set what the environment does not; may be called at any time, for later spans.

    Args:
        endpoint: the collector, ``http://HOST:PORT``, ``https://…`` or ``unix:…``.
        store: the store searches read, as an SQLAlchemy URL.
        service_name: the ``service.name`` of the app.
        experiment: the experiment traces go to and searches look in.
        token: the bearer token for the collector.
        warehouses: other stores by name, for ``sql_warehouse_id=``.
        capture: record arguments and results of decorated functions.
        capture_limit: the most characters recorded of one value.
        redact_keys: patterns of keys whose values are never recorded.
        redact: a function from text to text that every recorded text passes through.
        sampler: one of OpenTelemetry's samplers, for example ``traceidratio``.
        sample_ratio: the share of traces a ratio sampler records, 0 to 1.
        use_global_provider: record through OpenTelemetry's global provider.
        exporter: any OpenTelemetry span exporter, instead of the collector; giving an
            endpoint goes back to it.

    Raises:
        SettingsError: listing every setting that cannot be used.
    """
    runtime.configure(
        {
            "endpoint": endpoint,
            "store": store,
            "service_name": service_name,
            "experiment": experiment,
            "token": token,
            "warehouses": None if warehouses is None else dict(warehouses),
            "capture": capture,
            "capture_limit": capture_limit,
            "redact_keys": None if redact_keys is None else tuple(redact_keys),
            "sampler": sampler,
            "sample_ratio": sample_ratio,
            "use_global_provider": use_global_provider,
        },
        redact=redact,
        exporter=exporter,
    )


def set_tracking_uri(uri: str) -> None:
    """Name the store searches read; MLflow's name for ``configure(store=uri)``.

    Raises:
        SettingsError: when ``uri`` is not an SQLAlchemy URL.
    """
    configure(store=uri)


def current_settings() -> ClientSettings:
    """Return the settings in force.

    Raises:
        SettingsError: when the environment holds one that cannot be used.
    """
    return runtime.settings()


def flush(timeout: float = 30.0) -> bool:
    """Wait until every span that ended before is with the collector, or given up.

    Args:
        timeout: how long to wait at most, in seconds.

    Returns:
        False when spans still wait after ``timeout``.
    """
    if runtime.delivery is not None:
        return runtime.delivery.force_flush(int(timeout * 1000))
    recorder = runtime.recorder
    if recorder is not None and isinstance(recorder.provider, TracerProvider):
        return recorder.provider.force_flush(int(timeout * 1000))
    return True


def shutdown() -> None:
    """Send what waits, within the bound of ``exit_timeout``, and stop recording."""
    runtime.end()


def stats() -> Stats:
    """Return how many spans were sent, wait, or were lost and why."""
    delivery = runtime.delivery
    return runtime.losses.stats(delivery.waiting() if delivery is not None else 0)
