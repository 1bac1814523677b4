"""Our SDK and our collector: what was recorded is stored, once."""

import pytest

import spanframe
from tests.plugins.collector import Collector


@spanframe.trace
def work(x: int = 0) -> int:
    return x


@pytest.fixture(autouse=True)
def _configured(collector: Collector) -> None:
    spanframe.configure(endpoint=collector.endpoint, store=collector.store)


def test_spans_recorded_while_the_collector_is_down_are_stored_once(
    collector: Collector,
) -> None:
    work(1)
    assert spanframe.flush()
    collector.kill9()
    # Half a minute at a hundred spans a second.
    for n in range(3000):
        work(n)
    assert not spanframe.flush(timeout=0.5)
    collector.restart()
    assert spanframe.flush(timeout=60)
    assert spanframe.count_traces("") == 3001
    assert spanframe.stats().lost == 0


def test_spans_sent_over_http_are_stored(
    collector: Collector,
) -> None:
    spanframe.configure(
        endpoint=collector.http_endpoint, protocol="http/protobuf", compression="gzip"
    )
    work(1)
    assert spanframe.flush()
    assert spanframe.count_traces("name = 'work'") == 1
    assert spanframe.stats().lost == 0


def test_a_collector_killed_while_it_receives_costs_nothing(
    collector: Collector,
) -> None:
    for n in range(4000):
        work(n)
        if n == 2000:
            collector.kill9()
    collector.restart()
    assert spanframe.flush(timeout=60)
    assert spanframe.count_traces("") == 4000
    assert spanframe.stats().lost == 0


def test_what_the_app_says_is_what_a_search_finds(collector: Collector) -> None:
    @spanframe.trace(name="chat", span_type="AGENT")
    def answer(question: str) -> str:
        spanframe.update_current_trace(
            tags={"env": "prod", "mlflow.traceName": "renamed"},
            metadata={"version": "2"},
            client_request_id="req-1",
            request_preview="asked",
            response_preview="answered",
            state="ERROR",
            model_id="m-1",
            session_id="s-1",
            user="ada",
        )
        return question.upper()

    spanframe.set_experiment("shop")
    answer("tent")
    assert spanframe.flush()
    trace_id = spanframe.get_last_active_trace_id()
    (found,) = spanframe.search_traces(
        "tags.env = 'prod' AND metadata.version = '2' AND name = 'renamed' "
        "AND status = 'ERROR' AND client_request_id = 'req-1' "
        "AND metadata.`mlflow.trace.user` = 'ada' "
        "AND metadata.`mlflow.trace.session` = 's-1'",
        model_id="m-1",
        return_type="list",
    )
    assert found.info.trace_id == trace_id
    assert found.info.request_preview == "asked"
    assert found.info.response_preview == "answered"
    assert found.info.experiment_id == spanframe.set_experiment("shop").experiment_id
    (span,) = found.data.spans
    assert (span.name, span.span_type) == ("chat", "AGENT")
    assert span.inputs == {"question": "tent"}
    assert span.outputs == "TENT"
