"""CORS as a browser understands it: OpenTelemetry's web SDK in Chromium."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.ecosystem.web_sdk import WEB_SDK
from tests.plugins import web_pages
from tests.plugins.collector import Collector

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

# As a page does it; beacons take no headers, so an exporter with headers uses XHR.
EXPORT: Final = """
([exporter, headers, url, name]) => {
  const exported = new otel[exporter]({ url, ...(headers && { headers }) });
  const spanProcessors = [new otel.SimpleSpanProcessor(exported)];
  const provider = new otel.WebTracerProvider({ spanProcessors });
  provider.getTracer("page").startSpan(name).end();
}
"""
HEADERS: Final = {"authorization": "Bearer s3cret", "x-of-the-app": "1"}
# By what a browser calls the request; `navigator.sendBeacon` pings.
WAYS: Final = {
    "fetch": ("OTLPTraceExporter", HEADERS),
    "ping": ("BeaconTraceExporter", None),
    "xhr": ("BeaconTraceExporter", HEADERS),
}


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    """The ports of two web servers: two origins, each under any host name."""
    with web_pages.serving(WEB_SDK) as one, web_pages.serving(WEB_SDK) as two:
        yield one, two


def sent_to(url: str) -> Callable[["Request"], bool]:
    return lambda request: request.url == url


@pytest.mark.slow
def test_pages_of_listed_origins_send_their_spans_and_no_others(
    page: "Page", ports: tuple[int, int], tmp_path: Path
) -> None:
    listed = f"http://127.0.0.1:{ports[0]}"
    pages = {
        "listed": listed,
        "any port of localhost": f"http://localhost:{ports[1]}",
        "another port": f"http://127.0.0.1:{ports[1]}",
    }
    ending = dict.fromkeys(pages, "requestfinished")
    ending["another port"] = "requestfailed"
    origins = f"{listed} http://localhost:*"
    with Collector.running(tmp_path, "--cors-origins", origins) as collector:
        url = f"{collector.http_endpoint}/v1/traces"
        for which, origin in pages.items():
            page.goto(origin)
            for way, (exporter, headers) in WAYS.items():
                name = f"{way} from {which}"
                with page.expect_event(ending[which], sent_to(url)) as sent:
                    page.evaluate(EXPORT, [exporter, headers, url, name])
                assert sent.value.resource_type == way
        names = {Span.FromString(each.body).name for each in collector.stored()}
    assert names == {f"{way} from {which}" for way in WAYS for which in [*pages][:2]}
