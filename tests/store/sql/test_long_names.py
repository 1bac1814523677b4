"""Names and keys of any length are stored, found, and longer than an index takes."""

import random
from collections.abc import Iterator

import pytest

from spanframe_query import reader
from spanframe_query.filter import parse_filter
from spanframe_query.stores import close_stores, reading
from spanframe_store.contract.search import Search
from spanframe_store.contract.store import Reader
from tests.plugins.otlp import TRACE, span
from tests.plugins.store import Store

# Nothing that compresses: an index keeps what does.
_LETTERS = random.Random(7).choices(  # noqa: S311 - no secret
    [chr(n) for n in range(0x4E00, 0x9FFF)], k=5_000
)
LENGTHS = (255, 256, 257, 682, 683, 5_000)


@pytest.fixture
def searched(store: Store) -> Iterator[Reader]:
    yield reading(store.url)
    close_stores()


@pytest.mark.parametrize("length", LENGTHS)
def test_a_long_text_is_stored_wherever_it_stands(
    store: Store, searched: Reader, length: int
) -> None:
    text = "".join(_LETTERS[:length])
    message = span(
        1,
        name=text,
        attributes={
            f"mlflow.traceTag.{text}": text,
            f"spanframe.metadata.{text}": text,
            "spanframe.experiment": text,
            "mlflow.spanType": text,
        },
    )
    assert store.write(message, resource={text: text}, scope=text) == (1, 0)
    assert store.write(message, resource={text: text}, scope=text) == (0, 1)
    other = span(2, trace_id=b"o" * 16, name=text[:-1])
    store.write(other)
    found = None
    for filter_ in (
        f"name = '{text}'",
        f"tags.`{text}` = '{text}'",
        f"tags.`{text}` LIKE '{text}'",
        f"tags.`{text}` IS NOT NULL",
        f"metadata.`{text}` IN ('x', '{text}')",
        f"span.name = '{text}' AND span.type = '{text}'",
    ):
        search = Search(filter=parse_filter(filter_))
        found = reader.read(searched, search, include_spans=True)
        assert [t.info.trace_id for t in found] == [f"tr-{TRACE.hex()}"], filter_
        assert reader.count(searched, search) == 1
    assert found is not None
    [trace] = found
    assert trace.info.tags[text] == text
    assert trace.data.spans[0].name == text
