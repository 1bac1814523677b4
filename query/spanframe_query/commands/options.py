"""Options that commands share: store, experiments, a time, a trace by a short id."""

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final

import typer

from spanframe import keys
from spanframe.errors import InvalidArgumentError, NotFoundError
from spanframe.settings import ClientSettings, redact_url, rows
from spanframe_query import reader
from spanframe_query.arguments import Checked, checked_search
from spanframe_query.entities import Trace
from spanframe_query.filter import Comparator, Condition, Field, FieldKind, Filter
from spanframe_query.stores import reading
from spanframe_query.terminal import visible
from spanframe_store.contract.search import Search
from spanframe_store.contract.store import Reader

__all__ = [
    "ExperimentOption",
    "FilterArgument",
    "SinceOption",
    "StoreOption",
    "TraceArgument",
    "checked",
    "store_url",
    "trace_of",
]

_STORE_ROW: Final = next(row for row in rows(ClientSettings) if row.field == "store")

StoreOption = Annotated[
    str | None,
    typer.Option(
        help=f"{_STORE_ROW.sentence} [{', '.join(_STORE_ROW.env)}; "
        f"default: {_STORE_ROW.default}]",
        show_default=False,
    ),
]
FilterArgument = Annotated[
    str,
    typer.Argument(
        metavar="FILTER",
        help="The filter, for example "
        "\"status = 'ERROR' AND tags.env = 'prod'\"; every trace without one.",
    ),
]
ExperimentOption = Annotated[
    list[str] | None,
    typer.Option(help="Experiment to search, by name or id; may be repeated."),
]
SinceOption = Annotated[
    str,
    typer.Option(
        help="Only traces that started since: an age (90s, 15m, 1h, 7d), or an ISO "
        "8601 time.",
        show_default=False,
    ),
]
TraceArgument = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="Id of the trace, its first digits, or latest.",
    ),
]

_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_AGE: Final = re.compile(r"([0-9]{1,9})([smhdw])")
_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_ID_DIGITS: Final = 32
"""Digits of the id of a trace."""

_MIN_ID_DIGITS: Final = 4
"""Minimum digits of a short id."""

_SHORT_ID: Final = re.compile(
    rf"(?:{keys.REQUEST_ID_PREFIX})?([0-9a-f]{{{_MIN_ID_DIGITS},32}})", re.IGNORECASE
)
_LATEST: Final = "latest"
_MAX_LISTED_IDS: Final = 5
"""Maximum ids that are listed where a short one fits several."""


def store_url(given: str | None) -> str:
    """Return the URL of the store of a command."""
    return str(ClientSettings.load_one("store", {"store": given}))


def checked(
    store: str | None,
    filter_: str,
    *,
    experiment: Sequence[str] | None = None,
    since: str = "",
    order_by: Sequence[str] | None = None,
) -> Checked:
    """Check the arguments of a command that searches, and open its store.

    Raises:
        FilterError: when the filter or the order cannot be used.
        InvalidArgumentError: when the time cannot be read.
        NotFoundError: when the store does not have an experiment.
        StoreError: when the store cannot be opened.
    """
    start_ms = _start_ms(since) if since else None
    url = store_url(store)
    searched, search = checked_search(
        url, filter_, order_by, experiment_ids=_experiment_ids(url, experiment)
    )
    if search.experiment_ids == ():
        raise NotFoundError(
            "The experiment that SPANFRAME_EXPERIMENT names is not in this store: "
            "`spanframe experiments` lists those that are."
        )
    if start_ms is not None:
        field = Field(FieldKind.TIMESTAMP_MS)
        condition = Condition(field, Comparator.GE, Decimal(start_ms))
        search = replace(search, filter=search.filter.and_(condition))
    return Checked(searched, search)


def trace_of(store: str | None, named: str, *, include_spans: bool = True) -> Trace:
    """Return the trace that an argument names.

    Args:
        store: URL of the store, None for the one of the settings.
        named: an id, its first digits, or ``latest``.
        include_spans: whether the spans are read.

    Raises:
        InvalidArgumentError: when several traces begin with these digits.
        NotFoundError: when there is no such trace.
        StoreError: when the store cannot be read.
    """
    url = store_url(store)
    searched = reading(url)
    match = _SHORT_ID.fullmatch(named.strip())
    if named == _LATEST:
        search = Search(filter=Filter(), limit=1)
    elif match is not None:
        search = Search(filter=Filter(_begins_with(match[1].lower())), limit=2)
    else:
        raise _no_trace(named, url)
    found = list(reader.read(searched, search, include_spans=include_spans))
    if len(found) > 1:
        raise _several(searched, named, search)
    if not found:
        raise _no_trace(named, url)
    return found[0]


def _begins_with(digits: str) -> Condition:
    field = Field(FieldKind.REQUEST_ID)
    text = keys.REQUEST_ID_PREFIX + digits
    if len(digits) == _ID_DIGITS:
        return Condition(field, Comparator.EQ, text)
    return Condition(field, Comparator.LIKE, f"{text}%")


def _no_trace(named: str, url: str) -> NotFoundError:
    if named == _LATEST:
        return NotFoundError(f"There is no trace in {redact_url(url)}.")
    return NotFoundError(
        f"There is no trace {visible(named)} in {redact_url(url)}. "
        "`spanframe search` lists the newest traces; the first "
        f"{_MIN_ID_DIGITS} or more digits of an id are enough."
    )


def _several(searched: Reader, named: str, search: Search) -> InvalidArgumentError:
    more = replace(search, limit=_MAX_LISTED_IDS)
    ids = [t.info.trace_id for t in reader.read(searched, more, include_spans=False)]
    return InvalidArgumentError(
        f"Several traces begin with {visible(named)}: {', '.join(ids)}. Write more "
        "digits."
    )


def _start_ms(since: str) -> int:
    """Return the time that ``--since`` names, in milliseconds since the epoch."""
    age = _AGE.fullmatch(since.strip())
    if age is not None:
        seconds = int(age[1]) * _UNIT_SECONDS[age[2]]
        return max(0, time.time_ns() // 1_000_000 - seconds * 1000)
    try:
        moment = datetime.fromisoformat(since.strip())
    except ValueError:
        raise InvalidArgumentError(
            f"--since is {since!r}: write an age, for example 90s, 15m, 1h or 7d, or a "
            "time, for example 2026-11-28T09:00+01:00."
        ) from None
    # A time without an offset is that of this machine, as people type it.
    return int(moment.timestamp() * 1000)


def _experiment_ids(store: str, given: Sequence[str] | None) -> tuple[int, ...] | None:
    """Return the ids of experiments given by name or id; None when none is given."""
    if not given:
        return None
    searched = reading(store)
    return tuple(_experiment_id(searched, text) for text in given)


def _experiment_id(searched: Reader, text: str) -> int:
    found = searched.experiment_named(text)
    if found is None and _NUMBER.fullmatch(text):
        found = searched.experiment_of(int(text))
    if found is None:
        raise NotFoundError(
            f"There is no experiment {visible(text)!r} in this store: "
            "`spanframe experiments` lists those that are."
        )
    return found.experiment_id
