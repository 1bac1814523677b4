"""The recorder of spans, made from one set of settings."""

from collections.abc import Callable
from random import random
from typing import Any

from opentelemetry.context import Context, get_current
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, Tracer, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import TracerProvider as AnyTracerProvider

from spanframe import keys
from spanframe._capture import Capture
from spanframe._context import ambient_of
from spanframe._process import process_metadata, script_name
from spanframe._redaction import Redact, Redaction
from spanframe._sdk_limits import without_unusable_limits
from spanframe._trace_attributes import configured_attributes
from spanframe._trace_start import SCOPE
from spanframe._version import __version__
from spanframe.settings import ClientSettings

__all__ = ["Recorder", "make_provider"]


class Recorder:
    """Tracer, value capture and sampling of spans, for one set of settings.

    Attributes:
        provider: the provider of the tracer; instrumentors attach to it.
        tracer: makes the spans.
        capture: renders their values.
        follows_parent: whether children of an unsampled parent are not recorded.
        ratio: the share of new traces that are recorded.
    """

    __slots__ = (
        "capture",
        "follows_parent",
        "provider",
        "ratio",
        "tracer",
    )

    def __init__(
        self,
        settings: ClientSettings,
        provider: AnyTracerProvider,
        redact: Redact | None,
    ) -> None:
        self.provider = provider
        self.tracer = provider.get_tracer(SCOPE, __version__)
        own = not settings.use_global_provider
        self.follows_parent = own and settings.sampler.startswith("parentbased")
        if self.follows_parent and isinstance(self.tracer, Tracer):
            # `find_parent` decides before a span is started.
            self.tracer.sampler = ALWAYS_ON
        self.capture = Capture(
            settings.capture_limit,
            Redaction(settings.secret_keys, redact),
            enabled=settings.capture,
        )
        # Other samplers decide by the trace id, which the SDK makes.
        self.ratio = _ratio(settings) if self.follows_parent else 1.0

    def is_sampled(self, share: float) -> bool:
        """Decide at random whether a new trace is recorded, for a share of 0 to 1."""
        return share >= 1.0 or random() < share  # noqa: S311 - no secret


def make_provider(
    settings: ClientSettings,
    processor: SpanProcessor,
    ids: IdGenerator | None,
    enabled: Callable[[], bool],
    trace_start: SpanProcessor,
) -> TracerProvider:
    """Make our own provider.

    Args:
        settings: the resource, the sampler, the limits.
        processor: span processor of the provider.
        ids: generator of ids; OpenTelemetry's random one when None.
        enabled: returns whether recording is on.
        trace_start: span processor for spans of other libraries.
    """
    with without_unusable_limits():
        limits = SpanLimits(
            max_span_attributes=settings.span_attributes,
            max_events=settings.span_events,
        )
    provider = TracerProvider(
        resource=_resource(settings),
        sampler=_WhileEnabled(_sampler(settings), enabled),
        id_generator=ids,
        span_limits=limits,
        shutdown_on_exit=False,
    )
    provider.add_span_processor(trace_start)
    provider.add_span_processor(processor)
    return provider


def _resource(settings: ClientSettings) -> Resource:
    """Make the resource: settings, the process, ``OTEL_RESOURCE_ATTRIBUTES``."""
    attributes = {
        keys.SERVICE_NAME: settings.service_name,
        **configured_attributes(settings),
        **process_metadata(),
    }
    resource = Resource.create({k: v for k, v in attributes.items() if v})
    script = script_name()
    if script and keys.is_no_service(resource.attributes[keys.SERVICE_NAME]):
        return resource.merge(Resource({keys.SERVICE_NAME: script}))
    return resource


class _WhileEnabled(Sampler):
    """Drops spans of instrumentors where recording is switched off.

    Args:
        sampler: decides where recording is on.
        enabled: returns whether recording is on in this process.
    """

    def __init__(self, sampler: Sampler, enabled: Callable[[], bool]) -> None:
        self._sampler = sampler
        self._enabled = enabled

    def should_sample(
        self, parent_context: Context | None, *arguments: Any, **named: Any
    ) -> SamplingResult:
        ambient = ambient_of(parent_context or get_current())
        if not self._enabled() or (ambient is not None and not ambient.enabled):
            return ALWAYS_OFF.should_sample(parent_context, *arguments, **named)
        return self._sampler.should_sample(parent_context, *arguments, **named)

    def get_description(self) -> str:
        return self._sampler.get_description()


def _sampler(settings: ClientSettings) -> Sampler:
    share = _ratio(settings)
    root: Sampler = TraceIdRatioBased(share)
    if share in {0.0, 1.0}:
        root = ALWAYS_ON if share else ALWAYS_OFF
    return ParentBased(root) if settings.sampler.startswith("parentbased") else root


def _ratio(settings: ClientSettings) -> float:
    if settings.sampler.endswith("always_on"):
        return 1.0
    return 0.0 if settings.sampler.endswith("always_off") else settings.sample_ratio
