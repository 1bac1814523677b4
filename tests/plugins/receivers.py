"""Receivers in this process, with a real store behind them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from spanframe_collector.admission import Admission
from spanframe_collector.commit_queue import CommitQueue
from spanframe_collector.decoders import Decoders
from spanframe_collector.ingest import Ingest
from spanframe_collector.receivers.grpc import GrpcReceiver
from spanframe_collector.receivers.http import HttpReceiver
from spanframe_collector.settings import CollectorSettings
from spanframe_collector.telemetry import Telemetry
from spanframe_serving.addresses import Address
from tests.plugins.store import Store


@asynccontextmanager
async def over_grpc(store: Store, budget: int = 1 << 20) -> AsyncIterator[str]:
    """Serve from this process; give the address."""
    settings = CollectorSettings.load({"store": store.url}, {})
    telemetry = Telemetry()
    pipeline = CommitQueue(store.writer, telemetry)
    with closing(Decoders()) as decoders:
        intake = Ingest(pipeline, Admission(budget), telemetry, decoders)
        receiver = GrpcReceiver(intake, settings)
        address = await receiver.start(Address("127.0.0.1", 0))
        try:
            yield str(address)
        finally:
            await receiver.stop(1)
            await pipeline.close()


@asynccontextmanager
async def over_http(store: Store) -> AsyncIterator[tuple[str, Decoders]]:
    """Serve from this process; give the address, and what decodes."""
    settings = CollectorSettings.load({"store": store.url}, {})
    telemetry = Telemetry()
    pipeline = CommitQueue(store.writer, telemetry)
    with closing(Decoders()) as decoders:
        admission = Admission(settings.max_in_flight_bytes)
        intake = Ingest(pipeline, admission, telemetry, decoders)
        receiver = HttpReceiver(intake, telemetry, settings)
        address = await receiver.start(Address("127.0.0.1", 0))
        try:
            yield f"http://{address}", decoders
        finally:
            await receiver.stop(1)
            await pipeline.close()
    assert admission.left == settings.max_in_flight_bytes
