"""Retention in the background: what is beyond the limits goes, a portion at a time."""

import asyncio
import logging
import time
from typing import Final

from sqlalchemy import Engine

from spanframe.errors import StoreError
from spanframe_collector.pipeline import Pipeline
from spanframe_collector.store.retention import Limits, prune_portion

__all__ = ["keep_within"]

_log: Final = logging.getLogger(__name__)

_PERIOD_SECONDS: Final = 60.0


async def keep_within(limits: Limits, engine: Engine, pipeline: Pipeline) -> None:
    """Prune now and every minute, until cancelled; requests go in between portions."""
    while True:
        pruned = 0
        try:
            while deleted := await _portion(limits, engine, pipeline):
                pruned += deleted
        except StoreError as error:
            _log.warning("Old traces stay for now. %s", error)
        if pruned:
            _log.info("Deleted %d traces beyond the limits", pruned)
        await asyncio.sleep(_PERIOD_SECONDS)


async def _portion(limits: Limits, engine: Engine, pipeline: Pipeline) -> int:
    deleted = 0

    def prune() -> None:
        nonlocal deleted
        deleted = prune_portion(engine, limits, time.time_ns() // 1_000_000)

    await pipeline.perform(prune)
    return deleted
