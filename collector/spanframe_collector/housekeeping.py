"""Retention in the background: what is beyond the limits goes, a portion at a time."""

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


async def keep_within(
    limits: Limits, admin: Admin, pipeline: CommitQueue, telemetry: Telemetry
) -> None:
    """Prune now and every minute, until cancelled; requests go in between portions.

    A round that fails is told and counted; the next one tries again.
    """
    while True:
        pruned = 0
        try:
            while deleted := await _portion(limits, admin, pipeline):
                telemetry.deleted(deleted)
                pruned += deleted
        except StoreError as error:
            telemetry.housekeeping_failed()
            _log.warning("Old traces stay for now. %s", error)
        except Exception:  # noqa: BLE001 - the task outlives our own faults
            telemetry.housekeeping_failed()
            _log.exception("Old traces stay for now: a fault of spanframe")
        if pruned:
            _log.info("Deleted %d traces beyond the limits", pruned)
        await asyncio.sleep(_PERIOD_SECONDS)


async def _portion(limits: Limits, admin: Admin, pipeline: CommitQueue) -> int:
    deleted = 0

    def prune() -> None:
        nonlocal deleted
        deleted = admin.prune(limits, time.time_ns() // 1_000_000)

    await pipeline.perform(prune)
    return deleted
