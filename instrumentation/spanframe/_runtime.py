"""State of the process: settings, provider, delivery; made with the first span."""

import atexit
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final
from weakref import WeakValueDictionary

from opentelemetry import trace as otel_trace
from opentelemetry.context import Context, attach, get_current
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator

from spanframe import keys
from spanframe._context import LIVE, ambient_of
from spanframe._delivery import Bounds, Change, Delivery
from spanframe._destination import destination
from spanframe._exporters import named_exporters
from spanframe._guard import fault, warn
from spanframe._process import process_metadata
from spanframe._recorder import Recorder, make_provider
from spanframe._redaction import Redact
from spanframe._stats import Losses, Stats
from spanframe._trace_attributes import configured_attributes, replacing_experiment
from spanframe._trace_start import TraceStart
from spanframe.errors import SettingsError
from spanframe.settings import ClientSettings, client_environment

__all__ = [
    "MODEL_KEY",
    "Runtime",
    "active_experiment",
    "current_setting",
    "current_settings",
    "flush",
    "flush_trace_async_logging",
    "own_choices",
    "own_destination",
    "runtime",
    "shutdown",
    "stats",
]

MODEL_KEY: Final = keys.METADATA_PREFIX + keys.META_MODEL_ID
MAX_FLUSH_BEFORE_CHANGE_MS: Final = 2000
_FLUSH_S: Final = 30.0
"""Maximum time that a flush waits, in seconds, unless it is told another."""

_UNUSABLE: Final = "The log names what cannot be used; correct it."
"""The remedy for spans that were not recorded, since there was no recorder."""

# Settings of searches, which are not held up by those of recording.
_SEARCH_SETTINGS: Final = frozenset(
    {"store", "warehouses", "experiment", "experiment_id"}
)
# Settings of the exporter: a change of one of them makes a new exporter.
_EXPORTER_SETTINGS: Final = (
    "exporters",
    "conventions",
    "token",
    "username",
    "password",
    "headers",
    "compression",
    "certificate",
    "client_certificate",
    "client_key",
    "export_timeout",
    "retry_for",
)
# Settings under which every trace is recorded by a provider of our own.
_RECORD_ALL: Final = {
    "sampler": "parentbased_always_on",
    "use_global_provider": False,
    "disabled": False,
}


class Runtime:
    """State of the process; every change goes through `configure` or a setter.

    Attributes:
        roots: the spans that began a trace here, by trace id, while anyone has them.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._initialise()

    def _initialise(self) -> None:
        """Set every attribute as at the start of the process."""
        self.given: dict[str, Any] = {}
        self.read: tuple[object, ClientSettings] | None = None
        self.redact: Redact | None = None
        self.exporter: SpanExporter | None = None
        self.id_generator: IdGenerator | None = None
        self.clock: Callable[[], int] | None = None
        self.losses = Losses()
        self.lost_before = 0
        self.delivery: Delivery | None = None
        self.recorder: Recorder | None = None
        self.route: tuple[object, ...] = ()
        self.enabled = True
        self.broken = False
        self.experiment = ""
        self.model_id = ""
        self.destination: Mapping[str, str] = {}
        self.roots: WeakValueDictionary[int, otel_trace.Span] = WeakValueDictionary()
        self.configured: Mapping[str, str] = {}
        self.root_attributes: Mapping[str, str] = {}
        self.uses_global_provider = False
        self.last_trace_id: int | None = None
        self.shows_traces = True
        self.change: Change | None = None

    def start(self, spans: int = 1) -> Recorder | None:
        """Make the recorder, once; None when the settings cannot be used.

        Args:
            spans: number of spans that are lost without a recorder.
        """
        with self.lock:
            if self.recorder is None and not self.broken:
                try:
                    self._build(self.settings())
                except SettingsError as error:
                    self.broken = True
                    problems = "; ".join(error.problems)
                    warn("Nothing is recorded, and the app goes on: %s.", problems)
                except Exception:  # noqa: BLE001 - the guard: the app goes on
                    self.broken = True
                    fault("starting to record")
                if self.broken:
                    atexit.register(self.end)
            if self.recorder is None:
                self.losses.count("unrecorded", spans, _UNUSABLE)
            return self.recorder

    def settings(self) -> ClientSettings:
        """Read the settings: what `configure` was given, then the environment.

        The result is cached until one of the two changes, since every search asks.
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
        """Apply new settings; spans that ended before use the exporter they had."""
        with self.lock:
            given = {k: v for k, v in given.items() if v is not None}
            wanted = self.given | given
            if self.recorder is None and given and given.keys() <= _SEARCH_SETTINGS:
                before = settings = None
                for field in given:
                    ClientSettings.load_one(field, given)
            else:
                settings = ClientSettings.load(wanted)
                before = current_settings() if self.recorder is not None else None
            self.given = wanted
            self.broken = False
            objects = (self.redact, self.exporter)
            self.redact = redact or self.redact
            if exporter is not None or "endpoint" in given:
                self.exporter = exporter
            changed = before != settings or objects != (self.redact, self.exporter)
            if before is not None and settings is not None and changed:
                if before.disabled and not settings.disabled:
                    self.enabled = True
                self._build(settings)

    def _build(self, settings: ClientSettings) -> None:
        self.uses_global_provider = settings.use_global_provider
        if self.uses_global_provider:
            provider: otel_trace.TracerProvider = otel_trace.get_tracer_provider()
        else:
            delivery = self._delivery_for(settings)
            provider = make_provider(
                settings,
                delivery,
                self.id_generator,
                self.is_enabled,
                TraceStart(self.begins, self.roots),
            )
        if settings.disabled:
            self.enabled = False
        # A provider of our own has these once, on its resource.
        self.configured = (
            {**configured_attributes(settings), **process_metadata()}
            if self.uses_global_provider
            else {}
        )
        self.set_root_attributes()
        self.recorder = Recorder(settings, provider, self.redact)

    def _delivery_for(self, settings: ClientSettings) -> Delivery:
        """Return the one delivery of the process, made or changed for ``settings``."""
        route = (
            self.exporter,
            destination(settings),
            *(getattr(settings, name) for name in _EXPORTER_SETTINGS),
        )
        bounds = Bounds(
            queue_size=settings.queue_size,
            queue_characters=settings.queue_characters,
            batch_size=settings.batch_size,
            delay_s=settings.schedule_delay_ms / 1000,
            exit_s=settings.exit_timeout,
        )
        if self.delivery is None:
            exporter = self._exporter_for(settings)
            self.delivery = Delivery(exporter, self.losses, bounds, self.change)
            atexit.register(self.end)
        elif route != self.route:
            self.delivery.force_flush(MAX_FLUSH_BEFORE_CHANGE_MS)
            self.delivery.replace_exporter(self._exporter_for(settings))
        self.delivery.bound(bounds)
        self.route = route
        return self.delivery

    def _exporter_for(self, settings: ClientSettings) -> SpanExporter:
        return self.exporter or named_exporters(settings, self.losses, self.waiting)

    def waiting(self) -> int:
        """Return how many ended spans are queued or being sent."""
        return self.delivery.waiting() if self.delivery is not None else 0

    def set_root_attributes(self) -> None:
        """Compute the attributes that every new trace begins with."""
        chosen = {MODEL_KEY: self.model_id, keys.EXPERIMENT: self.experiment}
        self.root_attributes = replacing_experiment(
            self.configured, {key: value for key, value in chosen.items() if value}
        )

    def begins(self, context: Context) -> Mapping[str, str]:
        """Return the attributes of a trace that begins in ``context``."""
        begins = self.root_attributes
        if own := own_choices.get():
            begins = {**begins, **own}
        if destination := own_destination.get() or self.destination:
            begins = replacing_experiment(begins, destination)
        ambient = ambient_of(context)
        if ambient is not None:
            begins = {**begins, **ambient.attributes}
        return begins

    def choose(self, field: str, key: str, value: str) -> None:
        """Choose the experiment or the model of later traces; nothing for none.

        The choice is that of the current context, so that threads and tasks do not
        change each other's; made in the main thread, it is also the default of contexts
        without one.

        Args:
            field: the attribute of this class that has the default.
            key: key of the attribute that a trace begins with.
            value: name of the experiment, or id of the model.
        """
        own = {k: v for k, v in own_choices.get().items() if k != key}
        own_choices.set({**own, key: value} if value else own)
        if threading.current_thread() is threading.main_thread():
            setattr(self, field, value)
            self.set_root_attributes()

    def set_change(self, change: Change | None) -> None:
        """Let a function change each span that ends from now on; None for none."""
        with self.lock:
            self.change = change
            if self.delivery is not None:
                self.delivery.change = change

    def is_enabled(self) -> bool:
        """Return whether spans are recorded."""
        return self.enabled

    def close(self) -> None:
        """Send the queued spans, for ``exit_timeout`` at most, and stop."""
        with self.lock:
            delivery, self.delivery = self.delivery, None
            self.recorder = None
            atexit.unregister(self.end)
        if delivery is not None:
            delivery.shutdown()
        elif self.broken:
            self.losses.end(0)

    def end(self) -> None:
        """Close for good: nothing is recorded after this."""
        self.close()
        self.enabled = False

    @contextmanager
    def isolated(self, exporter: SpanExporter) -> Iterator[None]:
        """Record every trace to ``exporter`` inside the block, with these settings."""
        with self.lock:
            before = dict(vars(self))
            self._initialise()
            self.given = before["given"] | _RECORD_ALL
            for kept in ("change", "redact", "experiment", "model_id", "destination"):
                setattr(self, kept, before[kept])
            self.exporter = exporter
        try:
            yield
        finally:
            self.close()
            with self.lock:
                vars(self).update(before)
            if self.delivery is not None:
                atexit.register(self.end)

    def reset(self, *, keeping_choices: bool = False) -> None:
        """Close, and start again as a new process does.

        Args:
            keeping_choices: keep the experiment and the model that were chosen, the
                functions that change spans, and whether notebooks draw traces.
        """
        self.close()
        last_trace_id.set(None)
        own_destination.set(_NO_CHOICES)
        names = ("experiment", "model_id", "change", "shows_traces")
        kept = {name: getattr(self, name) for name in names if keeping_choices}
        if not keeping_choices:
            own_choices.set(_NO_CHOICES)
        self._initialise()
        vars(self).update(kept)


runtime: Final = Runtime()


def _after_fork() -> None:
    """Start again in a forked child; the parent goes on to record its open spans.

    Spans of the child are their children, as if the parent were a remote process.
    """
    runtime.lock = threading.RLock()
    runtime.losses.after_fork()
    runtime.roots = WeakValueDictionary()
    runtime.lost_before = 0
    context = get_current()
    if LIVE in context:
        open_span = otel_trace.get_current_span(context).get_span_context()
        entries = {key: value for key, value in context.items() if key != LIVE}
        remote = otel_trace.NonRecordingSpan(open_span)
        attach(otel_trace.set_span_in_context(remote, Context(entries)))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

_NO_CHOICES: Final[Mapping[str, str]] = {}
own_choices: Final[ContextVar[Mapping[str, str]]] = ContextVar(
    "spanframe_own_choices", default=_NO_CHOICES
)
"""Experiment and model that the current context has chosen, as attributes."""

own_destination: Final[ContextVar[Mapping[str, str]]] = ContextVar(
    "spanframe_own_destination", default=_NO_CHOICES
)
"""The destination of traces of the current context, as an attribute."""

last_trace_id: Final[ContextVar[int | None]] = ContextVar(
    "spanframe_last_trace_id", default=None
)


def current_settings() -> ClientSettings:
    """Return the settings in force.

    Raises:
        SettingsError: when a variable of the environment cannot be used.
    """
    return runtime.settings()


def current_setting(field: str) -> Any:
    """Return one setting in force: a search reads only what it needs.

    Args:
        field: a field of `ClientSettings`.

    Raises:
        SettingsError: when the variable of this setting cannot be used.
    """
    return ClientSettings.load_one(field, runtime.given)


def active_experiment() -> str:
    """Return the experiment that `set_experiment` chose here; empty for none."""
    return own_choices.get().get(keys.EXPERIMENT, runtime.experiment)


def flush(timeout: float | None = None) -> bool:
    """Wait until every span that ended before the call is delivered or dropped.

    Args:
        timeout: maximum time to wait, in seconds; None: 30, but two where no collector
            listens at the endpoint. Spans that are still queued are retried later.

    Returns:
        Whether all spans that ended since the flush before are delivered: False when
        some are still queued, or were lost; the log says why.
    """
    gives_up = timeout is None
    timeout = _FLUSH_S if timeout is None else timeout
    recorder = runtime.recorder
    is_done = True
    if runtime.delivery is not None:
        is_done = runtime.delivery.force_flush(int(timeout * 1000), gives_up=gives_up)
    elif recorder is not None and isinstance(recorder.provider, TracerProvider):
        is_done = recorder.provider.force_flush(int(timeout * 1000))
    lost = sum(runtime.losses.counts.values())
    before, runtime.lost_before = runtime.lost_before, lost
    return is_done and lost == before


def flush_trace_async_logging(terminate: bool = False) -> None:
    """Wait until every span that ended is delivered; MLflow's name for `flush`.

    Args:
        terminate: whether to end the thread of the delivery; the next span starts one.
    """
    flush()
    if terminate:
        runtime.close()


def shutdown() -> None:
    """Send the queued spans, for ``exit_timeout`` at most, and stop recording."""
    runtime.end()


def stats() -> Stats:
    """Return how many spans were delivered, are queued, or were lost and why."""
    return runtime.losses.stats(runtime.waiting())
