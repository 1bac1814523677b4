"""Page tokens: the place where a page ended, bound to its search.

A token holds the place of the last row in the order and not a count of rows, so traces
that arrive between two pages neither repeat a row nor hide one. A token is opaque and
holds only values that the caller has seen; a forged token can only name another place
in the same result.
"""

import base64
import binascii
import hashlib
import json
from typing import Any, Final

from spanframe.errors import InvalidArgumentError
from spanframe_query.filter import FieldKind
from spanframe_store.contract.fields import NUMBER_KINDS
from spanframe_store.contract.search import SPAN_PLACE_LENGTH, Cursor, Search

__all__ = ["next_token", "read_token"]

_DIGEST_BYTES: Final = 12
"""Bytes of the digest that binds a token to its search."""

_INT64: Final = range(-(1 << 63), 1 << 63)


def next_token(search: Search, end: Cursor) -> str:
    """Return the token of the page that follows another one.

    Args:
        search: the search of both; ``limit`` and ``after`` do not matter.
        end: the place where the page before ended.
    """
    values = [value.hex() if isinstance(value, bytes) else value for value in end]
    text = json.dumps([_digest(search), *values])
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_token(
    token: str | None, search: Search, *, of_spans: bool = False
) -> Cursor | None:
    """Return the place in a token; None for the first page.

    Args:
        token: a token of `next_token`; None or the empty text for the first page.
        search: the search of the token.
        of_spans: whether the search finds spans, whose places are longer.

    Raises:
        InvalidArgumentError: when the token is not one of this search.
    """
    if not token:
        return None
    values = _decode(token)
    in_trace = SPAN_PLACE_LENGTH if of_spans else 0
    length = 1 + len(search.order) + in_trace
    if len(values) != length or values[0] != _digest(search):
        raise InvalidArgumentError(
            "This page token belongs to another search. Pass it with the filter, order "
            "and experiments it was returned for, or start without a token"
        )
    kinds = [term.field.kind for term in search.order]
    kinds += [FieldKind.TIMESTAMP_MS] * in_trace  # whole numbers, as times are
    places = zip(kinds, values[1:], strict=True)
    return tuple(_place(kind, value) for kind, value in places)


def _decode(token: str) -> list[Any]:
    try:
        values = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        # JSON can escape half a surrogate pair, which no driver can bind.
        json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, TypeError, RecursionError, binascii.Error):
        values = None
    if not isinstance(values, list) or not values:
        raise _undecodable()
    return values


def _place(kind: FieldKind, value: Any) -> str | int | bytes | None:
    """Return one value of a token as a statement binds it."""
    if kind is FieldKind.REQUEST_ID and isinstance(value, str):
        try:
            return bytes.fromhex(value)
        except ValueError:
            raise _undecodable() from None
    if kind in NUMBER_KINDS and type(value) is int and value in _INT64:
        return value
    if kind not in NUMBER_KINDS and isinstance(value, str):
        return value
    if value is None and kind is not FieldKind.REQUEST_ID:
        return None
    raise _undecodable()


def _undecodable() -> InvalidArgumentError:
    return InvalidArgumentError(
        "This is not a page token. Pass what the search before returned, or start "
        "without a token"
    )


def _digest(search: Search) -> str:
    """Return the digest of the filter, order and experiments of a search."""
    experiments = search.experiment_ids
    parts = [
        str(search.filter),
        *map(str, search.order),
        "all" if experiments is None else str(sorted(set(experiments))),
    ]
    text = json.dumps(parts).encode()
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).hexdigest()
