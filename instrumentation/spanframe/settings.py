"""Settings of the app and of searches, and what a settings class is made with.

A new setting is one row here: `spanframe.configure`, the options of commands, the
documents and the messages about values that cannot be used follow from it.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, TypedDict

from spanframe._key_patterns import DEFAULT_PATTERNS, key_patterns
from spanframe._parsers import (
    boolean,
    endpoint,
    existing_file,
    experiment_id,
    file_or_off,
    header_value,
    headers,
    milliseconds,
    named_urls,
    names_of,
    one_of,
    ratio,
    ratio_sampler,
    seconds,
    standard_boolean,
    standard_endpoint,
    standard_exporters,
    standard_headers,
    standard_protocol,
    trace_exporters,
    tracking_uri,
    user_name,
    whole_number,
)
from spanframe._settings_table import Row, SettingsBase, rows, setting
from spanframe._urls import redact_url, store_url

__all__ = [
    "ClientSettings",
    "Configuration",
    "Row",
    "SettingsBase",
    "boolean",
    "client_environment",
    "endpoint",
    "existing_file",
    "file_or_off",
    "header_value",
    "headers",
    "key_patterns",
    "named_urls",
    "one_of",
    "ratio",
    "redact_url",
    "rows",
    "seconds",
    "setting",
    "store_url",
    "whole_number",
]

_INSECURE = ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_INSECURE")
_SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClientSettings(SettingsBase):
    """Settings of instrumented apps and of programs that search."""

    section: ClassVar[str] = "apps and searches"

    store: str = setting(
        ("SPANFRAME_STORE", "MLFLOW_TRACKING_URI"),
        "sqlite:///spanframe.db",
        "URL of the store that searches read.",
        store_url,
        mlflow=tracking_uri,
    )
    endpoint: str = setting(
        (
            "SPANFRAME_ENDPOINT",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ),
        "http://127.0.0.1:4317",
        "Endpoint that the app sends its spans to; over HTTP, /v1/traces is added. Of "
        "HOST:PORT alone OTEL_EXPORTER_OTLP_INSECURE says whether it has no TLS.",
        endpoint,
        standard=standard_endpoint,
        beside=_INSECURE,
    )
    protocol: str = setting(
        (
            "SPANFRAME_PROTOCOL",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        ),
        "",
        "Protocol of the endpoint: grpc or http/protobuf; empty: that of its port.",
        one_of("", "grpc", "http/protobuf"),
        standard=standard_protocol,
    )
    exporters: tuple[str, ...] = setting(
        "OTEL_TRACES_EXPORTER",
        "otlp",
        "Exporters of the spans: otlp, console, both with a comma, or none.",
        trace_exporters,
        standard=standard_exporters,
    )
    service_name: str = setting(
        ("SPANFRAME_SERVICE_NAME", "OTEL_SERVICE_NAME"),
        "",
        "Resource attribute service.name of the app; empty: the name of its script.",
    )
    experiment: str = setting(
        ("SPANFRAME_EXPERIMENT", "MLFLOW_EXPERIMENT_NAME"),
        "",
        "Experiment that traces go to and searches look in; empty: traces go to "
        "Default, searches look in all.",
    )
    experiment_id: str = setting(
        ("SPANFRAME_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_ID"),
        "",
        "The same experiment by its id; it counts where no name is set.",
        experiment_id,
    )
    model_id: str = setting(
        ("SPANFRAME_MODEL_ID", "MLFLOW_ACTIVE_MODEL_ID"),
        "",
        "Model, or version of the app, of the traces; set_active_model changes it.",
    )
    token: str = setting(
        ("SPANFRAME_TOKEN", "MLFLOW_TRACKING_TOKEN"),
        "",
        "Bearer token that the app sends to the collector.",
        header_value,
        secret=True,
    )
    username: str = setting(
        ("SPANFRAME_USERNAME", "MLFLOW_TRACKING_USERNAME"),
        "",
        "User of HTTP's basic authentication, for a proxy before the collector; it "
        "counts where no token is set.",
        user_name,
    )
    password: str = setting(
        ("SPANFRAME_PASSWORD", "MLFLOW_TRACKING_PASSWORD"),
        "",
        "Password of that user.",
        secret=True,
    )
    warehouses: dict[str, str] = setting(
        "SPANFRAME_WAREHOUSES",
        "",
        "Other stores by name, as name=URL pairs, for sql_warehouse_id=.",
        named_urls,
    )
    prices: str = setting(
        "SPANFRAME_PRICES",
        "",
        "File of model prices by which searches compute the cost of a span that states "
        "none, or off; empty: the built-in table.",
        file_or_off,
    )
    capture: bool = setting(
        "SPANFRAME_CAPTURE",
        "true",
        "Record the arguments and results of decorated functions.",
        boolean,
    )
    capture_limit: int = setting(
        "SPANFRAME_CAPTURE_LIMIT",
        "262144",
        "Maximum characters recorded of one value; the rest is cut and marked.",
        whole_number(64, 64 * 1024 * 1024),
    )
    redact_keys: tuple[str, ...] = setting(
        "SPANFRAME_REDACT_KEYS",
        "",
        "Patterns of keys whose texts are never recorded, beside the built-in ones; * "
        "is any text.",
        key_patterns,
    )
    redact_defaults: bool = setting(
        "SPANFRAME_REDACT_DEFAULTS",
        "true",
        f"Redact as well under the built-in patterns: {','.join(DEFAULT_PATTERNS)}.",
        boolean,
    )
    conventions: tuple[str, ...] = setting(
        "SPANFRAME_CONVENTIONS",
        "",
        "Conventions under whose names spans carry inputs, outputs and types as well: "
        "gen_ai, openinference, both with a comma, or none.",
        names_of("gen_ai", "openinference"),
    )
    disabled: bool = setting(
        "OTEL_SDK_DISABLED",
        "false",
        "Record no spans.",
        boolean,
        standard=standard_boolean,
    )
    sampler: str = setting(
        ("OTEL_TRACES_SAMPLER", "MLFLOW_TRACE_SAMPLING_RATIO"),
        "parentbased_always_on",
        "Sampler that decides which traces are recorded, by OpenTelemetry's name; "
        "parentbased_traceidratio where MLflow's variable has a share.",
        one_of(*_SAMPLERS),
        mlflow=ratio_sampler,
    )
    sample_ratio: float = setting(
        ("OTEL_TRACES_SAMPLER_ARG", "MLFLOW_TRACE_SAMPLING_RATIO"),
        "1.0",
        "Share of traces that a traceidratio sampler records, 0 to 1.",
        ratio,
    )
    use_global_provider: bool = setting(
        "SPANFRAME_USE_GLOBAL_PROVIDER",
        "false",
        "Record through the app's global OpenTelemetry provider and its exporters.",
        boolean,
    )
    headers: dict[str, str] = setting(
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"),
        "",
        "Request metadata for the collector, as name=value pairs, URL-encoded.",
        headers,
        standard=standard_headers,
        secret=True,
    )
    export_timeout: float = setting(
        (
            "SPANFRAME_EXPORT_TIMEOUT",
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
            "OTEL_EXPORTER_OTLP_TIMEOUT",
        ),
        "10",
        "Maximum time of one export request, in seconds; in milliseconds in the "
        "variables of OpenTelemetry.",
        seconds,
        standard=milliseconds,
    )
    retry_for: float = setting(
        "SPANFRAME_RETRY_FOR",
        "300",
        "Maximum time that a batch is retried, in seconds; then it is dropped.",
        seconds,
    )
    exit_timeout: float = setting(
        "SPANFRAME_EXIT_TIMEOUT",
        "5",
        "Maximum time that the end of the program waits for last spans, in seconds.",
        seconds,
    )
    queue_size: int = setting(
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "16384",
        "Maximum ended spans in the queue; more are dropped and counted.",
        whole_number(1, 10_000_000),
    )
    queue_characters: int = setting(
        "SPANFRAME_QUEUE_CHARACTERS",
        "67108864",
        "Maximum characters in the queue; spans beyond it are dropped and counted.",
        whole_number(1, 1 << 40),
    )
    batch_size: int = setting(
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "512",
        "Maximum spans in one export request.",
        whole_number(1, 1_000_000),
    )
    schedule_delay_ms: int = setting(
        "OTEL_BSP_SCHEDULE_DELAY",
        "1000",
        "Maximum time that an ended span waits for others to share its request, in ms.",
        whole_number(1, 3_600_000),
    )
    span_attributes: int = setting(
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
        "1024",
        "Maximum attributes of one span; tags of the trace are among them.",
        whole_number(1, 1_000_000),
    )
    span_events: int = setting(
        "OTEL_SPAN_EVENT_COUNT_LIMIT",
        "1024",
        "Maximum events of one span; each item of a stream is one.",
        whole_number(1, 1_000_000),
    )
    compression: str = setting(
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"),
        "none",
        "Compression of export requests: none or gzip.",
        one_of("none", "gzip"),
    )
    certificate: str = setting(
        ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"),
        "",
        "File of the certificates to trust for an https endpoint; empty: the system's.",
        existing_file,
    )
    client_certificate: str = setting(
        (
            "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
        ),
        "",
        "File of the app's own certificate, for mutual TLS.",
        existing_file,
    )
    client_key: str = setting(
        ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "OTEL_EXPORTER_OTLP_CLIENT_KEY"),
        "",
        "File of the app's private key, for mutual TLS.",
        existing_file,
    )

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The patterns of all keys whose texts are never recorded."""
        return (*(DEFAULT_PATTERNS if self.redact_defaults else ()), *self.redact_keys)


class Configuration(TypedDict, total=False):
    """Keywords of `spanframe.configure`, for type checkers; a test holds them equal.

    None means "not given".
    """

    store: str | None
    endpoint: str | None
    protocol: str | None
    exporters: Sequence[str] | None
    service_name: str | None
    experiment: str | None
    experiment_id: str | None
    model_id: str | None
    token: str | None
    username: str | None
    password: str | None
    warehouses: Mapping[str, str] | None
    prices: str | None
    capture: bool | None
    capture_limit: int | None
    redact_keys: Sequence[str] | None
    redact_defaults: bool | None
    conventions: Sequence[str] | None
    disabled: bool | None
    sampler: str | None
    sample_ratio: float | None
    use_global_provider: bool | None
    headers: Mapping[str, str] | None
    export_timeout: float | None
    retry_for: float | None
    exit_timeout: float | None
    queue_size: int | None
    queue_characters: int | None
    batch_size: int | None
    schedule_delay_ms: int | None
    span_attributes: int | None
    span_events: int | None
    compression: str | None
    certificate: str | None
    client_certificate: str | None
    client_key: str | None


_CLIENT_VARIABLES: Final = tuple(
    name for row in rows(ClientSettings) for name in (*row.env, *row.beside)
)


def client_environment() -> tuple[str | None, ...]:
    """Return the values of all variables of `ClientSettings`; None: not set."""
    return tuple(map(os.environ.get, _CLIENT_VARIABLES))
