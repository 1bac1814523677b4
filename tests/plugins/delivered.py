"""Whether a search finds what was answered OK."""

from collections import Counter

import pytest

import spanframe
from tests.plugins.load import Batch


def found_spans(store: str) -> dict[bytes, Counter[bytes]]:
    """Return what a search finds: how often each span id is in each trace."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPANFRAME_STORE", store)
        traces = spanframe.search_traces(return_type="list")
    return {
        bytes.fromhex(trace.info.trace_id.removeprefix("tr-")): Counter(
            bytes.fromhex(span.span_id) for span in trace.data.spans
        )
        for trace in traces
    }


def assert_whole_and_once(batches: list[Batch], store: str) -> None:
    """Every span of the batches is stored, none of them twice."""
    stored = found_spans(store)
    damaged = [b for b in batches if stored.get(b.trace_id) != Counter(b.span_ids)]
    assert not damaged, f"{len(damaged)} of {len(batches)} answered exports damaged"
