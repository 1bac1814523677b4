"""Page tokens: where a page ended, bound to the search it belongs to.

A token holds the place of the last row in the order, not a count of rows, so that
traces which arrive between two pages neither repeat a row nor push one out. It is
opaque and carries nothing the caller has not seen; a changed token can only name
another place in the same result.
"""

import base64
import binascii
import hashlib
import json
from typing import Any, Final

from spanframe.errors import InvalidArgumentError
from spanframe_query.filter import FieldKind
from spanframe_store.contract.fields import NUMBER_KINDS
from spanframe_store.contract.search import Cursor, Search

__all__ = ["next_token", "read_token"]

_DIGEST_BYTES: Final = 12
_INT64: Final = range(-(1 << 63), 1 << 63)


def next_token(search: Search, end: Cursor) -> str:
    """Return the token of the page that follows another one.

    Args:
        search: the search of both; ``limit`` and ``after`` do not matter.
        end: where the page before ended.
    """
    values = [value.hex() if isinstance(value, bytes) else value for value in end]
    text = json.dumps([_digest(search), *values])
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_token(token: str | None, search: Search) -> Cursor | None:
    """Return the place a token names; None for the first page.

    Args:
        token: what `next_token` returned; None or the empty text for the first page.
        search: the search it was returned for.

    Raises:
        InvalidArgumentError: it is not a token of this search.
    """
    if not token:
        return None
    values = _decode(token)
    if len(values) != 1 + len(search.order) or values[0] != _digest(search):
        raise InvalidArgumentError(
            "This page token belongs to another search. Pass it with the filter, order "
            "and experiments it was returned for, or start without a token"
        )
    return tuple(
        _place(term.field.kind, value)
        for term, value in zip(search.order, values[1:], strict=True)
    )


def _decode(token: str) -> list[Any]:
    try:
        values = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        # Half a surrogate pair can be escaped in JSON and bound by no driver.
        json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, TypeError, RecursionError, binascii.Error):
        values = None
    if not isinstance(values, list) or not values:
        raise _undecodable()
    return values


def _place(kind: FieldKind, value: Any) -> str | int | bytes | None:
    """Return one value of a token as the statement binds it."""
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
    """Return what ties a token to its filter, order and experiments."""
    experiments = search.experiment_ids
    parts = [
        str(search.filter),
        *map(str, search.order),
        "all" if experiments is None else str(sorted(set(experiments))),
    ]
    text = json.dumps(parts).encode()
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).hexdigest()
