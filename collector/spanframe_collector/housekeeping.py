"""Retention in the background: deletes traces beyond the limits, in portions."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from spanframe.errors import StoreError
from spanframe_collector.commit_queue import CommitQueue
from spanframe_collector.telemetry import Telemetry
from spanframe_collector.trusted_clock import STEADY_SECONDS, TrustedClock
from spanframe_store.contract.store import Admin, Limits

__all__ = ["keep_within"]

_log: Final = logging.getLogger(__name__)

T = TypeVar("T")

_PERIOD_SECONDS: Final = 60.0
"""Seconds between two rounds of retention."""


async def keep_within(
    limits: Limits,
    admin: Admin,
    commit_queue: CommitQueue,
    telemetry: Telemetry,
    clock: TrustedClock | None = None,
) -> None:
    """Prune now and every minute, until cancelled; commits go on between portions.

    A round that fails is logged and counted; the next one tries again. While the clock
    has jumped ahead, no trace is deleted for its age.

    Args:
        limits: what may be kept.
        admin: of the store.
        commit_queue: runs each portion between two commits.
        telemetry: counts what is deleted, and rounds that fail.
        clock: tells the time; None: the clock of the system.
    """
    guard = _AgeGuard(limits, clock or TrustedClock(), telemetry)
    while True:
        pruned = 0
        try:
            allowed, now_ms = guard.allowed()
            while deleted := await _performed(
                commit_queue, partial(admin.prune, allowed, now_ms)
            ):
                telemetry.deleted(deleted)
                pruned += deleted
        except StoreError as error:
            telemetry.housekeeping_failed()
            _log.warning(
                "Retention could not delete old traces and tries again in %.0f s: %s",
                _PERIOD_SECONDS,
                error,
            )
        except Exception:  # noqa: BLE001 - the task survives any fault
            telemetry.housekeeping_failed()
            _log.exception(
                "Retention failed by a fault of spanframe (please report it) and tries "
                "again in %.0f s",
                _PERIOD_SECONDS,
            )
        if pruned:
            _log.info("Retention deleted %d traces beyond the limits", pruned)
        await asyncio.sleep(_PERIOD_SECONDS)


class _AgeGuard:
    """Leaves out the limit of age while the clock cannot be trusted."""

    def __init__(
        self, limits: Limits, clock: TrustedClock, telemetry: Telemetry
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._telemetry = telemetry
        self._holds = False

    def allowed(self) -> tuple[Limits, int]:
        """Return the limits of a round, and its time in epoch milliseconds."""
        now, ahead = self._clock.look()
        held = bool(ahead) and self._limits.age_ms is not None
        if held and not self._holds:
            self._telemetry.housekeeping_failed()
            _log.warning(
                "The clock of this machine has jumped ahead by %.1f h, or the store "
                "was not written for so long: no trace is deleted for its age until "
                "the clock is back or has gone steadily for %.0f min. Check the time.",
                ahead / 3600,
                STEADY_SECONDS / 60,
            )
        elif self._holds and not held:
            _log.warning("The clock is trusted again: traces are deleted by age.")
        self._holds = held
        allowed = self._limits._replace(age_ms=None) if held else self._limits
        return allowed, int(now * 1000)


async def _performed(commit_queue: CommitQueue, action: Callable[[], T]) -> T:
    """Return what an action returns that runs between two commits."""
    results: list[T] = []
    await commit_queue.perform(lambda: results.append(action()))
    return results[0]
