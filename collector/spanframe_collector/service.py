"""Runs the collector: open the store, serve, drain, close."""

import asyncio
import contextlib
import dataclasses
import json
import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from spanframe.errors import SettingsError
from spanframe_collector.admission import Admission
from spanframe_collector.commit_queue import CommitQueue
from spanframe_collector.decoders import Decoders
from spanframe_collector.forwarding import Forwarder
from spanframe_collector.housekeeping import keep_within
from spanframe_collector.ingest import Ingest
from spanframe_collector.masking import Masker
from spanframe_collector.memory import raise_gc_thresholds, return_freed_memory
from spanframe_collector.receivers.grpc import GrpcReceiver
from spanframe_collector.receivers.http import HttpReceiver
from spanframe_collector.second_process.writer import SecondProcessWriter, has_two_cores
from spanframe_collector.settings import CollectorSettings
from spanframe_collector.store_health import StoreHealth
from spanframe_collector.telemetry import Telemetry
from spanframe_serving.addresses import Address
from spanframe_serving.file_limit import max_connections_within, raise_file_limit
from spanframe_serving.relay import FILES_PER_CONNECTION
from spanframe_store.contract.store import Limits, WriterOptions
from spanframe_store.registry import backend_of

__all__ = ["serve"]

_log: Final = logging.getLogger(__name__)

_HEALTH_PERIOD_SECONDS: Final = 0.5
"""Seconds between two looks at the health of the store."""

_MIN_DOWN_SECONDS: Final = 5.0
"""Minimum seconds that the store is down before the health checks say so: a store that
is locked for a moment does not take the collector out of service."""

_MAX_EXTRA_DRAIN_SECONDS: Final = 2.0
"""Maximum seconds of draining beyond the setting, while requests still come."""

_MAX_GRACE_SECONDS: Final = 5.0
"""Maximum seconds for requests in flight after that; by default a stop takes less than
10 s."""


class Receiver(Protocol):
    """A listener that hands requests to `Ingest`."""

    protocol: str
    """The protocol, for the log."""

    async def start(self, address: Address) -> Address:
        """Serve; return the address with the port that is bound."""

    async def set_serving(self, *, serving: bool) -> None:
        """Set the answer of health checks: whether spans can be stored now."""

    async def announce_stop(self) -> None:
        """Report "not ready" from now on, while requests are still consumed."""

    async def stop(self, grace: float) -> None:
        """Accept no more requests, and finish the begun ones in ``grace`` seconds."""


async def serve(settings: CollectorSettings, ready_file: Path | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then commit what was accepted and return.

    Args:
        settings: settings of the collector.
        ready_file: file that is written once requests are accepted, as JSON: ``grpc``
            and ``http``, the addresses of the listeners, and ``pid``.

    Raises:
        SettingsError: when the store cannot serve a setting.
        StoreError: when the store cannot be opened or has another version.
        OSError: when an address cannot be bound or the file cannot be written.
    """
    settings = _within_file_limit(settings)
    return_freed_memory()
    raise_gc_thresholds()
    backend = backend_of(settings.store)
    options = WriterOptions(settings.sqlite_synchronous)
    admin = backend.admin(settings.store, options)
    try:
        if settings.keep_size is not None and not admin.knows_its_size():
            problem = "keep_size needs a store on SQLite; give keep_age instead"
            raise SettingsError([problem])
        admin.upgrade()
        telemetry = Telemetry()
        telemetry.gauge(
            "spanframe_store_wal_bytes",
            "Bytes of SQLite's write-ahead log.",
            admin.write_ahead_bytes,
        )
        with _stop_signals() as stop:
            enabled = settings.second_process == "auto" and has_two_cores()
            writer = SecondProcessWriter(
                backend.writer(settings.store, options),
                settings.store,
                settings.sqlite_synchronous,
                enabled=enabled,
            )
            commit_queue = CommitQueue(writer, telemetry, writer.pack)
            limits = Limits(settings.keep_age, settings.keep_size)
            keeper = asyncio.create_task(
                keep_within(limits, admin, commit_queue, telemetry)
            )
            try:
                await _receive(settings, commit_queue, telemetry, stop, ready_file)
            finally:
                keeper.cancel()
                # In the writing thread, which has started the second process: the
                # system kills the process when that thread ends.
                await commit_queue.perform(writer.close)
                await commit_queue.close()
        _log.info("Stopped: %s", telemetry.summary())
    finally:
        admin.close()


def _within_file_limit(settings: CollectorSettings) -> CollectorSettings:
    """Raise the limit of open files, and have connections leave some for the store."""
    files = raise_file_limit()
    most = max_connections_within(
        files, settings.max_connections, FILES_PER_CONNECTION + 1
    )
    if most < settings.max_connections:
        _log.warning(
            "The limit of %d open files leaves room for %d connections of each "
            "receiver, not %d (SPANFRAME_MAX_CONNECTIONS). Raise the hard limit "
            "(ulimit -Hn, LimitNOFILE) if there are more senders.",
            files,
            most,
            settings.max_connections,
        )
    return dataclasses.replace(settings, max_connections=most)


async def _receive(
    settings: CollectorSettings,
    commit_queue: CommitQueue,
    telemetry: Telemetry,
    stop: asyncio.Event,
    ready_file: Path | None,
) -> None:
    admission = Admission(settings.max_in_flight_bytes)
    telemetry.gauge(
        "spanframe_in_flight_bytes",
        "Bytes of requests being worked on.",
        lambda: settings.max_in_flight_bytes - admission.left,
    )
    masker = Masker(settings.mask_keys) if settings.mask_keys else None
    async with contextlib.AsyncExitStack() as stack:
        decoders = stack.enter_context(contextlib.closing(Decoders()))
        forwarder = _forwarder(settings, telemetry)
        if forwarder is not None:
            stack.push_async_callback(forwarder.close, _MAX_GRACE_SECONDS)
        ingest = Ingest(
            commit_queue,
            admission,
            telemetry,
            decoders,
            masker,
            forwarder,
            max_request_spans=settings.max_request_spans,
        )
        receivers: list[Receiver] = []
        stack.push_async_callback(_stop, receivers)
        grpc = GrpcReceiver(ingest, settings)
        listeners = {"grpc": await _start(grpc, settings.grpc, receivers)}
        if settings.http is not None:
            http = HttpReceiver(ingest, telemetry, settings)
            listeners["http"] = await _start(http, settings.http, receivers)
        if ready_file is not None:
            _write_ready_file(ready_file, listeners)
        await _until(stop, commit_queue.health, receivers)
        _log.info(
            "Stopping: requests are accepted for another %g s, as apps that stop too "
            "flush their spans; then those that were begun are finished",
            settings.drain_seconds,
        )
        for receiver in receivers:
            await receiver.announce_stop()
        await _drain(ingest, settings.drain_seconds)


async def _start(receiver: Receiver, address: Address, started: list[Receiver]) -> str:
    listener = str(await receiver.start(address))
    started.append(receiver)
    _log.info("Ready: %s on %s", receiver.protocol, listener)
    return listener


async def _stop(receivers: list[Receiver]) -> None:
    """Stop all receivers at once: each may take its whole grace period."""
    await asyncio.gather(*(receiver.stop(_MAX_GRACE_SECONDS) for receiver in receivers))


def _forwarder(settings: CollectorSettings, telemetry: Telemetry) -> Forwarder | None:
    if not settings.forward_endpoint:
        return None
    return Forwarder(
        settings.forward_endpoint,
        settings.forward_token,
        settings.forward_queue_bytes,
        telemetry,
    )


async def _until(
    stop: asyncio.Event, health: StoreHealth, receivers: list[Receiver]
) -> None:
    """Wait for the signal; meanwhile keep the health checks up to date."""
    serving = True
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _HEALTH_PERIOD_SECONDS)
        if serving != (health.seconds_down < _MIN_DOWN_SECONDS):
            serving = not serving
            for receiver in receivers:
                await receiver.set_serving(serving=serving)


async def _drain(ingest: Ingest, seconds: float) -> None:
    """Keep consuming requests: an app that is stopped at the same time flushes."""
    await asyncio.sleep(seconds)
    deadline = time.monotonic() + _MAX_EXTRA_DRAIN_SECONDS
    # That no sender is left can only be concluded from a second without a request.
    while (  # noqa: ASYNC110
        ingest.quiet_seconds < min(1.0, seconds) and time.monotonic() < deadline
    ):
        await asyncio.sleep(0.05)


def _write_ready_file(path: Path, listeners: dict[str, str]) -> None:
    """Write the file atomically: its reader polls for it."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps({**listeners, "pid": os.getpid()}) + "\n")
    partial.replace(path)


@contextlib.contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """Yield an event that SIGTERM and SIGINT set; a second signal ends the process."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGTERM, signal.SIGINT)

    def handle() -> None:
        stop.set()
        for each in signals:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)

    for each in signals:
        loop.add_signal_handler(each, handle)
    try:
        yield stop
    finally:
        for each in signals:
            loop.remove_signal_handler(each)
