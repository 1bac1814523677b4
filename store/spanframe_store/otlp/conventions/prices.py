"""Prices of models, by which the cost of a span is computed where none is stated.

The table is a data file with its date and its source. A setting replaces it by another
file of the same form, or turns it off; the process chooses once, when it starts.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any, Final, NamedTuple

from spanframe.errors import SettingsError
from spanframe_store.otlp.conventions.values import Cost, Usage, amount

__all__ = [
    "Price",
    "Prices",
    "computed_cost",
    "prices_date",
    "read_prices",
    "use_prices",
]

_MILLION: Final = 1_000_000
_DECIMALS: Final = 12
"""Decimals of a computed cost; the rest is noise of binary fractions."""

_MAX_NAME_CHARS: Final = 128
"""Maximum length of a model's name that is looked up, in characters."""


class Price(NamedTuple):
    """The prices of a model in USD per million tokens; None: not known."""

    input: float
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None


class Prices(NamedTuple):
    """A table of prices.

    Attributes:
        date: the day on which the prices were true.
        models: the prices by the model's name in lower case.
    """

    date: str
    models: Mapping[str, Price]


NO_PRICES: Final = Prices("", {})
"""The table that prices no model."""


def read_prices(text: str) -> Prices:
    """Read a table from JSON: ``date``, and ``models`` with prices by name.

    Raises:
        ValueError: when the text is not such a table.
    """
    table = json.loads(text)
    date = table["date"]
    if not isinstance(date, str):
        raise ValueError("date is not text")  # noqa: TRY004 - one error for all mistakes
    return Prices(
        date, {name.lower(): _price(name, of) for name, of in table["models"].items()}
    )


def _price(name: str, of: Mapping[str, Any]) -> Price:
    unknown = of.keys() - set(Price._fields)
    amounts = {key: amount(value) for key, value in of.items()}
    if unknown or None in amounts.values() or "input" not in amounts:
        raise ValueError(f"the prices of {name} are not numbers named as in the table")
    return Price(**{key: value for key, value in amounts.items() if value is not None})


def use_prices(setting: str) -> None:
    """Compute costs by another table from now on, in the whole process.

    Args:
        setting: the path of a table; ``off``: compute none; empty: the built-in table.

    Raises:
        SettingsError: when the file is not a table of prices.
    """
    _use.table = NO_PRICES if setting == "off" else None
    if setting not in {"", "off"}:
        try:
            with open(setting, encoding="utf-8") as file:  # noqa: PTH123 - one call
                _use.table = read_prices(file.read())
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            problem = (
                f"SPANFRAME_PRICES={setting!r} is not a table of prices: {error!r}. "
                "Write off, or the path of a JSON file as docs/operating.md shows it"
            )
            raise SettingsError([problem]) from error
    _price_of.cache_clear()


class _Use:
    """The table in use; None: the built-in one, not read yet."""

    table: Prices | None = None


_use: Final = _Use()


def _table() -> Prices:
    if _use.table is None:
        _use.table = read_prices(
            resources.files(__package__).joinpath("prices.json").read_text("utf-8")
        )
    return _use.table


def prices_date() -> str:
    """Return the date of the table in use; empty: none is used."""
    return _table().date


def computed_cost(model: str | None, usage: Usage | None) -> Cost | None:
    """Return what the tokens of a model cost; None: tokens or price are not known."""
    if model is None or usage is None or len(model) > _MAX_NAME_CHARS:
        return None
    price = _price_of(model)
    tokens, output = usage.input_tokens, usage.output_tokens or 0
    if price is None or tokens is None or (output and price.output is None):
        return None
    input_cost = _input_cost(price, tokens, usage) / _MILLION
    output_cost = output * (price.output or 0.0) / _MILLION
    return Cost(
        round(input_cost, _DECIMALS),
        round(output_cost, _DECIMALS),
        round(input_cost + output_cost, _DECIMALS),
        is_computed=True,
    )


def _input_cost(price: Price, tokens: int, usage: Usage) -> float:
    read = usage.cache_read_input_tokens or 0
    written = usage.cache_creation_input_tokens or 0
    # The input has the tokens of the cache in it; some senders leave them out.
    rest = tokens - read - written if read + written <= tokens else tokens
    return (
        rest * price.input
        + read * (price.input if price.cache_read is None else price.cache_read)
        + written * (price.input if price.cache_write is None else price.cache_write)
    )


# What a provider or a gateway writes around the name of a model: openai/gpt-4o,
# us.anthropic.claude-…-v1:0, models/gemini-…, gpt-4o-2024-08-06, …@20250219.
_AROUND: Final = re.compile(
    r"(?:.*/)?(?:(?:us|eu|apac|global)\.)?(?:(?:anthropic|openai|mistral|cohere)\.)?"
)
_VERSION: Final = re.compile(
    r"([-@:](\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|\d{3}|\d{2}-\d{4}|v\d+(:\d+)?|latest|preview"
    r"|exp))+$"
)


@lru_cache(maxsize=1024)
def _price_of(model: str) -> Price | None:
    models = _table().models
    name = model.lower()
    if name in models:
        return models[name]
    around = _AROUND.match(name)
    bare = name[around.end() :] if around else name
    return models.get(bare) or models.get(_VERSION.sub("", bare))
