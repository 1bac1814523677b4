"""Runs the collector: open the store, serve, drain, close."""

import asyncio
import contextlib
import dataclasses
import json
import logging
import math
import os
import time
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
from spanframe_collector.settings import SIZE_UNITS, CollectorSettings
from spanframe_collector.stopping import Stop, exit_now, stop_signals
from spanframe_collector.store_health import StoreHealth
from spanframe_collector.telemetry import Telemetry
from spanframe_collector.trusted_clock import TrustedClock
from spanframe_serving.addresses import Address
from spanframe_serving.file_limit import max_connections_within, raise_file_limit
from spanframe_serving.relay import FILES_PER_CONNECTION
from spanframe_serving.sockets import refuse_if_taken
from spanframe_store.contract.store import Admin, Limits, Writer, WriterOptions
from spanframe_store.registry import backend_of

__all__ = ["serve"]

_log: Final = logging.getLogger(__name__)

_HOUR_MS: Final = 3_600_000

_HEALTH_PERIOD_SECONDS: Final = 0.25
"""Seconds between two looks at the health of the store."""

_MAX_EXTRA_DRAIN_SECONDS: Final = 1.5
"""Maximum seconds of draining beyond the setting, while requests still come."""

_CLOSE_SECONDS: Final = 1.5
"""Seconds of the stop that are kept for closing the store."""

_EXIT_SECONDS: Final = 0.3
"""Seconds of the stop that are kept for the exit."""


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
    # A port that is taken is told before a store is made.
    for address in filter(None, (settings.grpc, settings.http)):
        refuse_if_taken(address)
    return_freed_memory()
    raise_gc_thresholds()
    backend = backend_of(settings.store)
    options = WriterOptions(
        settings.sqlite_synchronous, max_trace_entries=settings.max_trace_entries
    )
    admin = backend.admin(settings.store, options)
    try:
        if settings.keep_size is not None and not admin.knows_its_size():
            problem = "keep_size needs a store on SQLite; give keep_age instead"
            raise SettingsError([problem])
        with stop_signals(settings.drain_seconds) as stop:
            clock = TrustedClock(await _open(admin, stop))
            _log.info(
                "Store %s: version %s, %s; %s",
                admin.name,
                admin.version,
                _size(admin.size_bytes()),
                _retention(settings),
            )
            telemetry = Telemetry()
            telemetry.gauge(
                "spanframe_store_wal_bytes",
                "Bytes of SQLite's write-ahead log.",
                admin.write_ahead_bytes,
            )
            enabled = settings.second_process == "auto" and has_two_cores()
            writer = SecondProcessWriter(
                backend.writer(settings.store, options),
                settings.store,
                settings.sqlite_synchronous,
                enabled=enabled,
                max_trace_entries=settings.max_trace_entries,
                dropped=telemetry.dropped_entries,
            )
            commit_queue = CommitQueue(writer, telemetry, writer.pack)
            telemetry.gauge(
                "spanframe_store_ready",
                "1 while spans can be stored, as health checks say; else 0.",
                lambda: commit_queue.health.is_ready,
            )
            limits = Limits(settings.keep_age, settings.keep_size)
            keeper = asyncio.create_task(
                keep_within(limits, admin, commit_queue, telemetry, clock)
            )
            try:
                await commit_queue.perform(writer.check)  # from now on it is this store
                await _receive(settings, commit_queue, telemetry, stop, ready_file)
            finally:
                keeper.cancel()
                is_closed = await _close(commit_queue, writer, stop)
            _log.info("Stopped: %s", telemetry.summary())
            if not is_closed:
                exit_now()
    finally:
        admin.close()


def _size(size_bytes: int | None) -> str:
    if size_bytes is None:
        return "size known to the server alone"
    fitting = [unit for unit, size in SIZE_UNITS.items() if size_bytes >= size]
    unit = fitting[-1] if fitting else "MB"
    return f"{size_bytes / SIZE_UNITS[unit]:,.1f} {unit}"


def _retention(settings: CollectorSettings) -> str:
    """Say what is kept, as ``--print-config`` writes it."""
    kept = []
    if settings.keep_age is not None:
        kept.append(f"traces of {settings.keep_age / _HOUR_MS:g} h")
    if settings.keep_size is not None:
        kept.append(f"at most {_size(settings.keep_size)}")
    return f"keeps {', '.join(kept) or 'all traces (SPANFRAME_KEEP_AGE, _KEEP_SIZE)'}"


async def _open(admin: Admin, stop: Stop) -> int | None:
    """Make the tables of the store; return when the store was last written before.

    A collector that is told to stop meanwhile ends at once.
    """

    def upgraded() -> int | None:
        last_written_ms = admin.last_written_ms()
        admin.upgrade()
        return last_written_ms

    opening = asyncio.create_task(asyncio.to_thread(upgraded))
    stopped = asyncio.create_task(stop.requested.wait())
    await asyncio.wait({opening, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not opening.done():
        _log.info("Stopped before the store was open; it is as it was before")
        exit_now()
    return opening.result()


async def _close(commit_queue: CommitQueue, writer: Writer, stop: Stop) -> bool:
    """Commit what is queued and close the store; return whether there was time."""
    try:
        async with asyncio.timeout(stop.left(_EXIT_SECONDS)):
            # In the writing thread, which has started the second process: the system
            # kills the process when that thread ends.
            await commit_queue.perform(writer.close)
            await commit_queue.close()
    except TimeoutError:
        _log.warning(
            "The store has not answered in time, and the collector ends without it. "
            "Spans that were answered with OK are stored; the others are sent again."
        )
        return False
    return True


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
    stop: Stop,
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
            stack.push_async_callback(_close_forwarder, forwarder, stop)
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
        stack.push_async_callback(_stop_receivers, receivers, stop)
        grpc = GrpcReceiver(ingest, settings)
        listeners = {"grpc": await _start(grpc, settings.grpc, receivers)}
        if settings.http is not None:
            http = HttpReceiver(ingest, telemetry, settings)
            listeners["http"] = await _start(http, settings.http, receivers)
        if ready_file is not None:
            _write_ready_file(ready_file, listeners)
        await _until(stop.requested, commit_queue.health, receivers)
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


async def _stop_receivers(receivers: list[Receiver], stop: Stop) -> None:
    """Stop all receivers at once: each may take its whole grace period."""
    grace = math.floor(stop.left(_CLOSE_SECONDS))
    await asyncio.gather(*(receiver.stop(grace) for receiver in receivers))


async def _close_forwarder(forwarder: Forwarder, stop: Stop) -> None:
    await forwarder.close(stop.left(_CLOSE_SECONDS))


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
        health.tell()
        if serving != health.is_ready:
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
