"""The client: pages, experiments, names as MLflow's client has them."""

import subprocess
import sys
import threading
from typing import Any

import pytest

import spanframe
from spanframe.client import MlflowClient, SpanframeClient
from spanframe.errors import InvalidArgumentError, NotFoundError, SettingsError
from tests.plugins.sample_spans import START_MS, otlp_span, request_id
from tests.plugins.store import Store


@pytest.fixture
def client(searched: Store) -> SpanframeClient:
    """A client of a store with ten traces: odd ones in experiment 1, ``odd``."""
    searched.write(
        *(
            otlp_span(
                n,
                start_ms=n // 2,
                attributes={"spanframe.experiment": "odd"} if n % 2 else {},
            )
            for n in range(1, 11)
        )
    )
    return SpanframeClient()


def numbers(traces: list[Any]) -> list[int]:
    return [int(trace.trace_id[-4:], 16) for trace in traces]


def all_pages(client: SpanframeClient, **arguments: Any) -> list[int]:
    found: list[int] = []
    token = None
    while True:
        page = client.search_traces(page_token=token, **arguments)
        found += numbers(page)
        token = page.token
        if token is None:
            return found


def test_mlflow_client_is_the_client() -> None:
    assert MlflowClient is SpanframeClient is spanframe.MlflowClient


def test_a_client_takes_a_store_of_its_own(store: Store) -> None:
    assert SpanframeClient(store.url).tracking_uri == store.url
    with pytest.raises(SettingsError):
        SpanframeClient("no url")


def test_no_experiments_are_all_and_an_empty_list_is_none(
    client: SpanframeClient,
) -> None:
    assert len(client.search_traces()) == 10
    assert client.search_traces([]) == []
    assert numbers(client.search_traces(["1"])) == [9, 7, 5, 3, 1]
    assert numbers(client.search_traces(locations=["1"])) == [9, 7, 5, 3, 1]


def test_an_active_experiment_does_not_narrow_the_client(
    client: SpanframeClient,
) -> None:
    spanframe.set_experiment("odd")
    assert len(client.search_traces()) == 10


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 10, 11])
@pytest.mark.parametrize("order", [None, "timestamp_ms ASC", "name", "status DESC"])
def test_page_after_page_is_one_big_page(
    client: SpanframeClient, size: int, order: str | None
) -> None:
    whole = numbers(client.search_traces(max_results=1000, order_by=order))
    assert all_pages(client, max_results=size, order_by=order) == whole


def test_only_the_last_page_has_no_token(client: SpanframeClient) -> None:
    first = client.search_traces(max_results=5)
    assert isinstance(first.token, str)
    assert client.search_traces(max_results=5, page_token=first.token).token is None
    assert client.search_traces(max_results=10).token is None


def test_an_empty_page_has_no_token(client: SpanframeClient) -> None:
    for size in (0, -5):
        page = client.search_traces(max_results=size)
        assert (page.to_list(), page.token) == ([], None)


def test_a_page_may_be_of_any_size(client: SpanframeClient) -> None:
    assert len(client.search_traces(max_results=10**20)) == 10


@pytest.mark.parametrize("size", [None, "5", 2.0, True])
def test_the_size_of_a_page_is_a_whole_number(
    client: SpanframeClient, size: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="max_results"):
        client.search_traces(max_results=size)


def test_a_token_belongs_to_its_search(client: SpanframeClient) -> None:
    token = client.search_traces(max_results=2).token
    for other in (
        {"filter_string": "status = 'OK'"},
        {"order_by": "timestamp_ms ASC"},
        {"experiment_ids": ["1"]},
        {"model_id": "m"},
    ):
        with pytest.raises(InvalidArgumentError, match="another search"):
            client.search_traces(max_results=2, page_token=token, **other)


@pytest.mark.parametrize("token", ["nonsense", "e30=", "W10=", 5])
def test_a_token_that_is_none_is_refused(client: SpanframeClient, token: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="page token"):
        client.search_traces(page_token=token)


def test_an_empty_token_is_the_first_page(client: SpanframeClient) -> None:
    first = client.search_traces(max_results=3, page_token="")
    assert numbers(first) == numbers(client.search_traces(max_results=3))


def test_traces_that_arrive_between_pages_change_no_page(
    client: SpanframeClient, searched: Store
) -> None:
    before = numbers(client.search_traces())
    stop = threading.Event()
    written = threading.Event()

    def write() -> None:
        number = 1000
        while not stop.is_set():
            number += 1
            searched.write(otlp_span(number, start_ms=number))
            written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(30)
        found: list[int] = []
        token = None
        while not set(before) <= set(found):
            page = client.search_traces(max_results=3, page_token=token)
            found += numbers(page)
            token = page.token
            written.clear()
            assert written.wait(30)
    finally:
        stop.set()
        writer.join()
    assert len(found) == len(set(found))
    assert [number for number in found if number < 1000] == before


def test_a_trace_is_got_or_not_found(client: SpanframeClient) -> None:
    assert client.get_trace(request_id(3)).trace_id == request_id(3)
    with pytest.raises(NotFoundError, match="There is no trace"):
        client.get_trace(request_id(77))


def test_a_tag_is_set_found_and_deleted(client: SpanframeClient) -> None:
    client.set_trace_tag(request_id(3), "reviewed by", 5)
    assert client.get_trace(request_id(3)).info.tags["reviewed by"] == "5"
    found = client.search_traces(filter_string="tags.`reviewed by` = '5'")
    assert numbers(found) == [3]
    client.delete_trace_tag(request_id(3), "reviewed by")
    assert "reviewed by" not in client.get_trace(request_id(3)).info.tags


def test_the_name_of_a_trace_is_a_tag(client: SpanframeClient) -> None:
    client.set_trace_tag(request_id(3), "mlflow.traceName", "renamed")
    assert client.get_trace(request_id(3)).info.name == "renamed"
    assert numbers(client.search_traces(filter_string="name = 'renamed'")) == [3]


def test_a_change_to_what_is_not_there_says_so(client: SpanframeClient) -> None:
    with pytest.raises(NotFoundError):
        client.set_trace_tag(request_id(77), "k", "v")
    with pytest.raises(NotFoundError, match="tr- and 32 hex digits"):
        client.set_trace_tag("nonsense", "k", "v")
    with pytest.raises(NotFoundError, match="no tag 'k'"):
        client.delete_trace_tag(request_id(3), "k")


@pytest.mark.parametrize("key", ["", "k" * 251, 5])
def test_a_key_is_a_text_of_1_to_250_characters(
    client: SpanframeClient, key: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="1 to 250 characters"):
        client.set_trace_tag(request_id(3), key, "v")


@pytest.mark.parametrize(
    "key", ["mlflow.artifactLocation", "mlflow.trace.spansLocation", "mlflow.user"]
)
def test_tags_of_our_own_stay_as_they_are(
    client: SpanframeClient, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = client.get_trace(request_id(3)).info.tags
    client.set_trace_tag(request_id(3), key, "v")
    client.delete_trace_tag(request_id(3), key)
    assert client.get_trace(request_id(3)).info.tags == before
    assert key in caplog.text


def test_traces_are_deleted_by_id_within_their_experiment(
    client: SpanframeClient,
) -> None:
    wanted = [request_id(1), request_id(2), request_id(77), "nonsense"]
    assert client.delete_traces("1", trace_ids=wanted) == 1
    assert client.delete_traces("1", trace_ids=[]) == 0
    assert 1 not in numbers(client.search_traces())
    assert 2 in numbers(client.search_traces())


def test_traces_are_deleted_by_age_the_oldest_first(client: SpanframeClient) -> None:
    # Traces 1, 3 and 5 of experiment 1 start at 0, 1 and 2 ms.
    newest = START_MS + 2
    assert client.delete_traces(1, max_timestamp_millis=newest, max_traces=2) == 2
    assert numbers(client.search_traces(["1"])) == [9, 7, 5]
    assert client.delete_traces(1, max_timestamp_millis=newest) == 1
    assert numbers(client.search_traces(["1"])) == [9, 7]
    assert len(client.search_traces(["0"])) == 5


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"max_timestamp_millis": 1, "trace_ids": []},
        {"trace_ids": [], "max_traces": 1},
        {"max_traces": 1},
    ],
)
def test_deletion_is_by_age_or_by_id(
    client: SpanframeClient, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArgumentError, match="either max_timestamp_millis"):
        client.delete_traces("0", **arguments)
    assert len(client.search_traces()) == 10


def test_experiments_are_made_and_found(client: SpanframeClient) -> None:
    created = client.create_experiment("new")
    experiment = client.get_experiment_by_name("new")
    assert experiment is not None
    assert (experiment.experiment_id, experiment.name) == (created, "new")
    assert client.get_experiment(created) == experiment
    assert client.get_experiment_by_name("unknown") is None
    assert spanframe.get_experiment_by_name("new") == experiment
    assert spanframe.create_experiment("newer") == str(int(created) + 1)


@pytest.mark.parametrize("number", ["77", 10**15])
def test_an_unknown_experiment_is_not_found(
    client: SpanframeClient, number: str | int
) -> None:
    with pytest.raises(NotFoundError, match="There is no experiment"):
        client.get_experiment(number)


def test_a_taken_name_is_refused(client: SpanframeClient) -> None:
    with pytest.raises(InvalidArgumentError, match="exists already"):
        client.create_experiment("odd")


def test_an_active_experiment_knows_its_id(client: SpanframeClient) -> None:
    assert spanframe.set_experiment("odd").experiment_id == "1"


def test_the_client_does_not_wait_for_pandas(client: SpanframeClient) -> None:
    script = f"""
import sys
from spanframe.client import SpanframeClient
assert len(SpanframeClient({client.tracking_uri!r}).search_traces()) == 10
sys.exit("pandas" in sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert ended.returncode == 0
