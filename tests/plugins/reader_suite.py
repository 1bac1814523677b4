"""The reader half of the store suite: which tests also run on a store in memory.

They search through the public functions and write through the `Writer` of a store, so
that an engine that passes them can be searched. `LEFT_OUT` names those that do not run
there, each with its reason.
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Final, Self

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanframe_store import registry
from spanframe_store.contract.store import Written
from spanframe_store.otlp import decode_request
from tests.plugins.memory_store import MemoryStore
from tests.plugins.otlp import request

FILES: Final = tuple(
    f"tests/query/test_{name}.py"
    for name in (
        "arrow",
        "cli_search",
        "client",
        "known_fields",
        "search",
        "search_spans",
        "sessions",
        "snippets",
    )
)

_CHANGES: Final = "a store in memory has no `Admin`: nothing is changed"
_FILE: Final = "it is about a file or a server"
_PROCESS: Final = "another process cannot read this one's memory"
_COUNTS: Final = "it counts statements"
_GROWS: Final = "a store in memory folds all of a store that grows, for each page"

LEFT_OUT: Final[dict[str, dict[str, str]]] = {
    "tests/query/test_cli_search.py": dict.fromkeys(
        (
            "test_a_terminal_shows_whole_ids_questions_and_errors",
            "test_the_program_prints_machine_clean_json_to_a_file",
            "test_no_match_is_said_beside_the_output",
            "test_a_slow_search_shows_on_the_terminal_that_it_reads",
        ),
        _PROCESS,
    ),
    "tests/query/test_client.py": {
        "test_the_client_does_not_wait_for_pandas": _PROCESS,
        "test_traces_that_arrive_between_pages_change_no_page": _GROWS,
        **dict.fromkeys(
            (
                "test_a_tag_is_set_found_and_deleted",
                "test_the_name_of_a_trace_is_a_tag",
                "test_a_change_to_what_is_not_there_says_so",
                "test_traces_are_deleted_by_id_within_their_experiment",
                "test_traces_are_deleted_by_age_the_oldest_first",
                "test_experiments_are_made_and_found",
                "test_a_taken_name_is_refused",
            ),
            _CHANGES,
        ),
    },
    "tests/query/test_search.py": {
        "test_a_search_takes_two_selects_however_many_traces": _COUNTS,
        "test_the_rows_and_the_spans_of_a_search_are_of_one_state": _COUNTS,
        **dict.fromkeys(
            (
                "test_a_store_made_anew_under_its_name_is_read_anew",
                "test_engines_are_kept_until_they_are_closed",
                "test_a_damaged_row_is_an_error",
                "test_a_store_damaged_later_is_an_error",
            ),
            _FILE,
        ),
    },
    "tests/query/test_snippets.py": {"test_one_trace_and_its_spans": _CHANGES},
}

_numbers = count(1)


class _Backend:
    """Opens stores in memory by URL."""

    def __init__(self) -> None:
        self.stores: dict[str, MemoryStore] = {}

    def reader(self, url: str) -> MemoryStore:
        return self.stores[url]


_backend: Final = _Backend()
# The rest of the protocol is never asked for.
registry.register("memory", _backend)  # type: ignore[arg-type]


class Memory:
    """One store in memory, as `tests.plugins.store.Store` is one of a database."""

    def __init__(self) -> None:
        self.url = f"memory://{next(_numbers)}"
        self.store = _backend.stores[self.url] = MemoryStore(self.url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, *sent: Span, **context: Any) -> Written:
        """Decode the spans as one request and commit them."""
        decoded = decode_request(request(*sent, **context).SerializeToString())
        assert decoded.rejected == []
        [written] = self.store.write([decoded.rows])
        return written

    def close(self) -> None:
        """Forget everything."""
        _backend.stores.pop(self.url, None)


@pytest.fixture
def new_memory_store() -> Iterator[Callable[[], Memory]]:
    """Make an empty store in memory at each call; gone after the test."""
    made: list[Memory] = []

    def make() -> Memory:
        made.append(Memory())
        return made[-1]

    yield make
    for store in made:
        store.close()


def is_left_out(item: pytest.Item) -> bool:
    """Tell whether a test is not of the reader half, or opted out of it."""
    file, _, name = item.nodeid.partition("::")
    return file not in FILES or name.partition("[")[0] in LEFT_OUT.get(file, {})
