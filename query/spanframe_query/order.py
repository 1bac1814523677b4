"""``order_by`` → order terms, with the tokens, names and errors of filters."""

from collections.abc import Sequence
from typing import Final

from spanframe.errors import InvalidArgumentError
from spanframe_query.filter.check import known_field
from spanframe_query.filter.errors import fail, refuse_surrogates
from spanframe_query.filter.parser import Parser
from spanframe_store.contract.fields import ROWS
from spanframe_store.contract.search import DEFAULT_ORDER, OrderTerm

__all__ = ["parse_order"]


_ORDERABLE: Final = (
    "Order by timestamp_ms, execution_time_ms, end_time_ms, status, request_id, "
    "experiment_id, name, tags.<key> or metadata.<key>"
)
# The order of JSON texts of numbers has no meaning.
_WITHOUT_ORDER: Final = {"mlflow.trace.tokenUsage", "mlflow.trace.cost"}


def parse_order(items: str | Sequence[str] | None) -> tuple[OrderTerm, ...]:
    """Read the argument ``order_by``.

    Args:
        items: one item, or several, each ``field [ASC|DESC]``; None for the default.

    Returns:
        The terms, then the default terms (the newest first, then the request id) that
        the items do not have, so that the order is total.

    Raises:
        FilterError: when an item cannot be used; the message points at the place.
        InvalidArgumentError: when an item is not text.
    """
    terms: list[OrderTerm] = []
    for item in [items] if isinstance(items, str) else items or ():
        if not isinstance(item, str):
            raise InvalidArgumentError(
                f"order_by takes texts such as 'timestamp_ms DESC', not {item!r:.80}"
            )
        refuse_surrogates(item)
        term = _term(item)
        if any(term.field == known.field for known in terms):
            title = "This field is ordered by already"
            fail(title, item, (0, len(item)), "Name each field once, aliases included")
        terms.append(term)
    given = {term.field for term in terms}
    return (*terms, *(term for term in DEFAULT_ORDER if term.field not in given))


def _term(item: str) -> OrderTerm:
    """Read one item.

    ``item = key [ "ASC" | "DESC" ] ;``
    """
    parser = Parser(item)
    if parser.token.kind == "end":
        hint = "Write, for example, timestamp_ms DESC"
        fail("The order is empty", item, (0, len(item)), hint)
    key = parser.key()
    descending = parser.take_word("DESC")
    if not descending:
        parser.take_word("ASC")
    parser.refuse_rest(
        "An order is a field and a direction",
        "Write ASC or DESC after the field, and several fields as a list of texts",
    )
    field = known_field(item, key)
    if not ROWS[field.kind].orderable or field.key in _WITHOUT_ORDER:
        fail("Traces are not ordered by this field", item, key.place, _ORDERABLE)
    return OrderTerm(field, descending)
