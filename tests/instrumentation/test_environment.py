"""Variables that other programs share switch nothing off."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import spanframe
from spanframe.__main__ import main
from spanframe.client import SpanframeClient
from spanframe.errors import SettingsError
from spanframe.settings import ClientSettings, rows
from tests.plugins.otlp_sink import OtlpSink

UNUSABLE = {
    "OTEL_TRACES_SAMPLER": ("xray", "'parentbased_always_on' is used instead"),
    "OTEL_TRACES_SAMPLER_ARG": ("rate=5", "'1.0' is used instead"),
    "OTEL_SDK_DISABLED": ("1", "'false' is used instead"),
    "OTEL_TRACES_EXPORTER": ("jaeger", "'otlp' is used instead"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("ftp://x", "'http://127.0.0.1:4317' is used"),
    "OTEL_EXPORTER_OTLP_PROTOCOL": ("thrift", "it is ignored"),
    "OTEL_EXPORTER_OTLP_HEADERS": ("nonsense", "it is ignored"),
    "OTEL_EXPORTER_OTLP_TIMEOUT": ("10s", "'10.0' is used instead"),
    "OTEL_EXPORTER_OTLP_COMPRESSION": ("zstd", "'none' is used instead"),
    "OTEL_EXPORTER_OTLP_CERTIFICATE": ("/nowhere/ca.pem", "it is ignored"),
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": ("/nowhere/c.pem", "it is ignored"),
    "OTEL_EXPORTER_OTLP_CLIENT_KEY": ("/nowhere/k.pem", "it is ignored"),
    "OTEL_BSP_SCHEDULE_DELAY": ("5s", "'1000' is used instead"),
    "OTEL_BSP_MAX_QUEUE_SIZE": ("-1", "'16384' is used instead"),
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": ("many", "'512' is used instead"),
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": ("unlimited", "'1024' is used instead"),
    "OTEL_SPAN_EVENT_COUNT_LIMIT": ("1e3", "'1024' is used instead"),
    "MLFLOW_TRACKING_URI": ("databricks", "'sqlite:///spanframe.db' is used instead"),
    "MLFLOW_EXPERIMENT_ID": ("shop", "it is ignored"),
    "MLFLOW_TRACE_SAMPLING_RATIO": ("half", "'parentbased_always_on' is used instead"),
    "MLFLOW_TRACKING_TOKEN": ("é", "it is ignored"),
    "MLFLOW_TRACKING_USERNAME": ("a:b", "it is ignored"),
}
# Only the SDK of OpenTelemetry reads these.
SDK_ONLY = {
    "OTEL_SPAN_LINK_COUNT_LIMIT": "x",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "-5",
    "OTEL_PROPAGATORS": "nonsense",
    "OTEL_RESOURCE_ATTRIBUTES": "nonsense,%zz",
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "nonsense",
    "OTEL_PYTHON_CONTEXT": "nonsense",
}


@pytest.mark.parametrize("variable", UNUSABLE)
def test_a_standard_variable_that_cannot_be_used_is_told_once_and_ignored(
    variable: str, caplog: pytest.LogCaptureFixture
) -> None:
    value, instead = UNUSABLE[variable]
    assert ClientSettings.load(environ={variable: value}) == ClientSettings.load(
        environ={}
    )
    ClientSettings.load(environ={variable: value})
    (line,) = caplog.messages
    is_secret = variable.endswith(("HEADERS", "TOKEN"))
    shown = "a secret" if is_secret else repr(value)
    assert line.startswith(f"{variable} is {shown}: ")
    assert instead in line


def test_every_standard_variable_that_can_be_wrong_is_in_the_table() -> None:
    names = {n for row in rows(ClientSettings) for n in row.env}
    standard = {n for n in names if n.startswith(("OTEL_", "MLFLOW_"))}
    general = {n.replace("_TRACES_", "_") for n in standard if "OTLP_TRACES" in n}
    some = {n for n in standard if "OTLP_TRACES" not in n} | general
    assert some - UNUSABLE.keys() == {
        "OTEL_SERVICE_NAME",  # any text, as the next three
        "MLFLOW_EXPERIMENT_NAME",
        "MLFLOW_ACTIVE_MODEL_ID",
        "MLFLOW_TRACKING_PASSWORD",
        "OTEL_ATTRIBUTE_COUNT_LIMIT",  # the second of two names
    }


@pytest.mark.parametrize(
    ("environ", "field", "value", "told"),
    [
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "127.0.0.1:4317"},
            "endpoint",
            "http://127.0.0.1:4317",
            "neither http:// nor https://; 'http://127.0.0.1:4317' is used instead.",
        ),
        (
            {"OTEL_EXPORTER_OTLP_HEADERS": "a=b, nonsense,c=d%20e"},
            "headers",
            {"a": "b", "c": "d e"},
            "2 of its pairs is used instead.",
        ),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
            "protocol",
            "http/protobuf",
            "not sent as JSON; 'http/protobuf' is used instead.",
        ),
        (
            {"OTEL_TRACES_EXPORTER": "zipkin,console"},
            "exporters",
            ("console",),
            "'console' is used instead.",
        ),
        (
            {
                "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "soon",
                "OTEL_EXPORTER_OTLP_TIMEOUT": "2500",
            },
            "export_timeout",
            2.5,
            "'2.5' is used instead.",
        ),
    ],
    ids=["endpoint", "headers", "protocol", "exporters", "the next variable"],
)
def test_what_can_be_used_of_a_value_is_used(
    caplog: pytest.LogCaptureFixture,
    environ: dict[str, str],
    field: str,
    value: object,
    told: str,
) -> None:
    assert getattr(ClientSettings.load(environ=environ), field) == value
    (line,) = caplog.messages
    assert line.endswith(told)


ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
INSECURE = "OTEL_EXPORTER_OTLP_INSECURE"
OF_TRACES = "OTEL_EXPORTER_OTLP_TRACES_INSECURE"


@pytest.mark.parametrize(
    ("environ", "url", "is_told"),
    [
        ({ENDPOINT: "h:4317"}, "https://h:4317", True),
        ({ENDPOINT: "localhost:4317"}, "http://localhost:4317", True),
        ({ENDPOINT: "h:4318"}, "http://h:4318", True),
        ({ENDPOINT: "h:4317", INSECURE: "true"}, "http://h:4317", False),
        ({ENDPOINT: "h:4317", INSECURE: " TRUE "}, "http://h:4317", False),
        ({ENDPOINT: "[::1]:4317", INSECURE: "false"}, "https://[::1]:4317", False),
        ({ENDPOINT: "h", INSECURE: "true", OF_TRACES: "false"}, "https://h", False),
        ({ENDPOINT: "h:4317", INSECURE: "yes"}, "https://h:4317", True),
        ({ENDPOINT: "https://h", INSECURE: "true"}, "https://h", False),
        ({ENDPOINT: "http://h", INSECURE: "false"}, "http://h", False),
    ],
    ids=str,
)
def test_an_endpoint_without_a_scheme_has_tls_unless_insecure(
    caplog: pytest.LogCaptureFixture, environ: dict[str, str], url: str, is_told: bool
) -> None:
    assert ClientSettings.load(environ=environ).endpoint == url
    assert len(caplog.messages) == is_told


def test_our_own_variables_are_read_strictly() -> None:
    own = {"SPANFRAME_ENDPOINT": "127.0.0.1:4317", "SPANFRAME_PROTOCOL": "http/json"}
    with pytest.raises(SettingsError) as refused:
        ClientSettings.load(environ=own)
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize("name_store", [spanframe.set_tracking_uri, SpanframeClient])
def test_a_tracking_server_is_refused_where_it_is_named(
    name_store: Callable[[str], object],
) -> None:
    with pytest.raises(SettingsError) as refused:
        name_store("http://localhost:5000")
    [problem] = refused.value.problems
    assert problem.startswith(
        "store is 'http://localhost:5000': spanframe has no tracking server; name the "
        "store, sqlite:///"
    )
    assert problem.endswith(", or leave it out")


def test_an_app_under_an_unusable_one_is_told_it_and_that_its_spans_are_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SPANFRAME_ENDPOINT", "127.0.0.1:4317")
    spanframe.tracing.get_tracer_provider()
    assert spanframe.flush()
    for _ in range(2):
        with spanframe.start_span("lost"):
            pass
    assert not spanframe.flush()
    assert spanframe.stats().unrecorded == spanframe.stats().lost == 2
    spanframe.shutdown()
    told, at_the_end = caplog.messages
    assert told.startswith("Nothing is recorded, and the app goes on: SPANFRAME_ENDP")
    assert "write http://HOST:PORT" in told
    assert at_the_end == (
        "At the end, 2 of 2 spans are lost: 2 not recorded. The log names what cannot "
        "be used; correct it."
    )
    assert not any(record.exc_info for record in caplog.records)


def test_the_standard_timeout_is_in_milliseconds_and_our_own_in_seconds() -> None:
    def seconds(**environ: str) -> float:
        return ClientSettings.load(environ=environ).export_timeout

    assert seconds(OTEL_EXPORTER_OTLP_TIMEOUT="10000") == 10
    assert seconds(OTEL_EXPORTER_OTLP_TIMEOUT="500") == 0.5
    assert seconds(SPANFRAME_EXPORT_TIMEOUT="2.5") == 2.5


def test_an_app_under_all_of_them_records(sink: OtlpSink) -> None:
    environment = {name: value for name, (value, _) in UNUSABLE.items()} | SDK_ONLY
    del environment["OTEL_EXPORTER_OTLP_ENDPOINT"]
    environment["SPANFRAME_ENDPOINT"] = sink.endpoint
    code = """if True:
    import spanframe
    @spanframe.trace
    def work(): pass
    work()
    assert spanframe.flush()
    print(spanframe.stats().exported)
    """
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "1\n", ended.stderr
    assert [s.name for s in sink.spans] == ["work"]
    for name in UNUSABLE.keys() & environment.keys():
        assert ended.stderr.count(f"{name} is ") == 1, name


def test_a_search_reads_only_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = f"sqlite:///{tmp_path / 'spanframe.db'}"
    with pytest.raises(SystemExit):
        main(["db", "upgrade", "--store", store])
    spanframe.tracing.reset()
    with monkeypatch.context() as environment:
        environment.setenv("SPANFRAME_ENDPOINT", "nonsense")
        environment.setenv("SPANFRAME_WAREHOUSES", "nonsense")
        environment.setenv("SPANFRAME_STORE", store)
        assert spanframe.create_experiment("shop") == "1"
        assert len(spanframe.search_traces()) == 0
        spanframe.set_tracking_uri(store)
        assert len(SpanframeClient(store).search_traces()) == 0
        with pytest.raises(SettingsError, match="SPANFRAME_WAREHOUSES"):
            spanframe.search_traces(sql_warehouse_id="a")


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("MLFLOW_TRACKING_URI", "sqlite:///a.db", "store", "sqlite:///a.db"),
        ("MLFLOW_TRACKING_URI", "http://a:5000", "store", "sqlite:///spanframe.db"),
        ("MLFLOW_TRACKING_URI", "mysql://a/b", "store", "sqlite:///spanframe.db"),
        ("MLFLOW_EXPERIMENT_NAME", "shop", "experiment", "shop"),
        ("MLFLOW_EXPERIMENT_ID", "7", "experiment_id", "7"),
        ("MLFLOW_ACTIVE_MODEL_ID", "m-1", "model_id", "m-1"),
        ("MLFLOW_TRACKING_TOKEN", "t", "token", "t"),
        ("MLFLOW_TRACKING_USERNAME", "ada", "username", "ada"),
        ("MLFLOW_TRACKING_PASSWORD", "p", "password", "p"),
        ("MLFLOW_TRACE_SAMPLING_RATIO", "0.5", "sample_ratio", 0.5),
        ("MLFLOW_TRACE_SAMPLING_RATIO", "1", "sampler", "parentbased_traceidratio"),
    ],
)
def test_a_variable_of_mlflow_counts_after_ours(
    variable: str, text: str, field: str, value: object
) -> None:
    assert getattr(ClientSettings.load(environ={variable: text}), field) == value
    ours = {
        "SPANFRAME_STORE": "sqlite:///b.db",
        "SPANFRAME_EXPERIMENT": "ours",
        "SPANFRAME_EXPERIMENT_ID": "9",
        "SPANFRAME_MODEL_ID": "ours",
        "SPANFRAME_TOKEN": "ours",
        "SPANFRAME_USERNAME": "ours",
        "SPANFRAME_PASSWORD": "ours",
        "OTEL_TRACES_SAMPLER": "always_on",
        "OTEL_TRACES_SAMPLER_ARG": "0.25",
    }
    assert ClientSettings.load(environ={variable: text, **ours}) == ClientSettings.load(
        environ=ours
    )


@pytest.mark.parametrize(
    ("environ", "stated"),
    [
        ({"MLFLOW_EXPERIMENT_NAME": "shop"}, {"spanframe.experiment": "shop"}),
        ({"MLFLOW_EXPERIMENT_ID": "7"}, {"spanframe.experiment_id": "7"}),
        (
            {"MLFLOW_EXPERIMENT_ID": "7", "MLFLOW_EXPERIMENT_NAME": "shop"},
            {"spanframe.experiment": "shop"},
        ),
        (
            {"MLFLOW_ACTIVE_MODEL_ID": "m-1"},
            {"spanframe.metadata.mlflow.modelId": "m-1"},
        ),
    ],
)
def test_what_mlflows_variables_say_of_traces_is_sent(
    sink: OtlpSink,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    stated: dict[str, str],
) -> None:
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    with spanframe.start_span("a"):
        pass
    spanframe.flush()
    resource = sink.span("a").resource
    said = ("spanframe.experiment", "spanframe.metadata.mlflow.modelId")
    assert {k: v for k, v in resource.items() if k.startswith(said)} == stated


@pytest.mark.parametrize(
    ("environ", "sent"),
    [
        ({"MLFLOW_TRACKING_TOKEN": "t"}, "Bearer t"),
        (
            {"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "p:w"},
            "Basic YWRhOnA6dw==",
        ),
        ({"MLFLOW_TRACKING_USERNAME": "ada", "SPANFRAME_TOKEN": "t"}, "Bearer t"),
        ({"MLFLOW_TRACKING_PASSWORD": "p"}, None),
    ],
)
def test_mlflows_credentials_go_to_the_collector(
    sink: OtlpSink,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    sent: str | None,
) -> None:
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    with spanframe.start_span("a"):
        pass
    spanframe.flush()
    assert sink.metadata[0].get("authorization") == sent


def test_mlflows_share_decides_which_traces_are_recorded(
    sink: OtlpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACE_SAMPLING_RATIO", "0")
    with spanframe.start_span("a") as span:
        pass
    spanframe.flush()
    assert not span.is_recording
    assert sink.spans == []
