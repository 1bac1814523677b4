"""Searching what this very process records: flushing, tags of an open trace."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

import spanframe
from tests.plugins.store import Store
from tests.plugins.store_exporter import StoreExporter


@pytest.fixture
def recording(searched: Store) -> Iterator[Store]:
    """The store of an app whose spans wait a minute before they leave."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
        spanframe.configure(exporter=StoreExporter(searched))
        spanframe.flush()
        yield searched
        spanframe.shutdown()


@spanframe.trace(span_type="AGENT")
def answer(question: str) -> dict[str, str]:
    spanframe.update_current_trace(tags={"env": "prod"}, user="ann")
    return {"answer": question.upper()}


def last_trace_id() -> str:
    trace_id = spanframe.get_last_active_trace_id()
    assert trace_id is not None
    return trace_id


def test_flush_finds_what_has_just_been_recorded(recording: Store) -> None:
    answer("why?")
    assert len(spanframe.search_traces()) == 0
    [row] = spanframe.search_traces("tags.env = 'prod'", flush=True).to_dict("records")
    assert row["request"] == {"question": "why?"}
    assert row["response"] == {"answer": "WHY?"}
    assert row["request_metadata"]["mlflow.trace.user"] == "ann"
    [span] = row["trace"].data.spans
    assert (span.name, span.span_type) == ("answer", "AGENT")


def test_get_trace_can_wait_as_well(recording: Store) -> None:
    answer("why?")
    assert spanframe.get_trace(last_trace_id(), silent=True) is None
    trace = spanframe.get_trace(last_trace_id(), flush=True)
    assert trace is not None
    assert trace.data.request == '{"question": "why?"}'


def test_a_trace_that_has_just_ended_can_be_tagged(recording: Store) -> None:
    answer("why?")
    spanframe.set_trace_tag(last_trace_id(), "reviewed", True)
    assert spanframe.count_traces("tags.reviewed = 'True'") == 1


def test_the_open_trace_is_tagged_where_it_is_recorded(recording: Store) -> None:
    with spanframe.start_span("open"):
        trace_id = spanframe.get_active_trace_id()
        assert trace_id is not None
        spanframe.set_trace_tag(trace_id, "stage", 2)
    spanframe.flush()
    assert spanframe.count_traces("tags.stage = '2'") == 1


def test_a_later_tag_wins_over_the_app_s_and_over_late_spans(recording: Store) -> None:
    answer("why?")
    spanframe.set_trace_tag(last_trace_id(), "env", "edited")
    answer("again?")
    spanframe.flush()
    assert spanframe.count_traces("tags.env = 'edited'") == 1
    assert spanframe.count_traces("tags.env = 'prod'") == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_opens_the_store_itself(searched: Store) -> None:
    script = f"""
import os, sys
import spanframe
from spanframe_query.stores import reading
spanframe.configure(store={searched.url!r})
parents = reading({searched.url!r})
assert spanframe.count_traces() == 0
child = os.fork()
if child == 0:
    own = reading({searched.url!r})
    os._exit(0 if own is not parents and spanframe.count_traces() == 0 else 1)
_, status = os.waitpid(child, 0)
kept = reading({searched.url!r}) is parents
sys.exit(os.waitstatus_to_exitcode(status) or not kept)
"""
    ended = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert ended.returncode == 0
