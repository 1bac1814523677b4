"""Retention in the background: deletes traces beyond the limits, in portions."""

import asyncio
import logging
import time
from typing import Final

from spanframe.errors import StoreError
from spanframe_collector.commit_queue import CommitQueue
from spanframe_collector.telemetry import Telemetry
from spanframe_store.contract.store import Admin, Limits

__all__ = ["keep_within"]

_log: Final = logging.getLogger(__name__)

_PERIOD_SECONDS: Final = 60.0
"""Seconds between two rounds of retention."""


async def keep_within(
    limits: Limits, admin: Admin, commit_queue: CommitQueue, telemetry: Telemetry
) -> None:
    """Prune now and every minute, until cancelled; commits go on between portions.

    A round that fails is logged and counted; the next one tries again.
    """
    while True:
        pruned = 0
        try:
            while deleted := await _portion(limits, admin, commit_queue):
                telemetry.deleted(deleted)
                pruned += deleted
        except StoreError as error:
            telemetry.housekeeping_failed()
            _log.warning(
                "Retention could not delete old traces and tries again in %.0f s: %s",
                _PERIOD_SECONDS,
                error,
            )
        except Exception:  # noqa: BLE001 - the task outlives our own faults
            telemetry.housekeeping_failed()
            _log.exception(
                "Retention failed by a fault of spanframe (please report it) and tries "
                "again in %.0f s",
                _PERIOD_SECONDS,
            )
        if pruned:
            _log.info("Retention deleted %d traces beyond the limits", pruned)
        await asyncio.sleep(_PERIOD_SECONDS)


async def _portion(limits: Limits, admin: Admin, commit_queue: CommitQueue) -> int:
    deleted = 0

    def prune() -> None:
        nonlocal deleted
        deleted = admin.prune(limits, time.time_ns() // 1_000_000)

    await commit_queue.perform(prune)
    return deleted
