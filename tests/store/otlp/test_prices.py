"""What a span costs: as it states, else by the table of prices."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from spanframe.errors import SettingsError
from spanframe_store.otlp.conventions import Cost, derive, use_prices
from spanframe_store.otlp.conventions.prices import prices_date

OWN = '{"date": "2026-01-01", "models": {"House": {"input": 1, "output": 2}}}'


@pytest.fixture(autouse=True)
def _built_in() -> Iterator[None]:
    use_prices("")
    yield
    use_prices("")


def cost_of(model: str, tokens: int = 1_000_000, **more: object) -> Cost | None:
    used = {"gen_ai.usage.input_tokens": tokens, "gen_ai.usage.output_tokens": 0}
    return derive({"gen_ai.request.model": model, **used, **more}).cost


@pytest.mark.parametrize(
    "attributes",
    [
        {"llm.cost.prompt": 1.0, "llm.cost.completion": 2, "llm.cost.total": "3"},
        {"llm.cost.prompt": 1.0, "llm.cost.completion": 2.0},
        {"mlflow.llm.cost": '{"input_cost": 1, "output_cost": 2, "total_cost": 3}'},
        {"langfuse.observation.cost_details": '{"input": 1, "output": 2, "total": 3}'},
        {"langfuse.observation.cost_details": '{"input": 1, "output": 2}'},
        {"gen_ai.usage.input_cost": 1, "gen_ai.usage.output_cost": 2},
    ],
    ids=str,
)
def test_a_stated_cost_is_read(attributes: dict[str, object]) -> None:
    # Prices are not asked for a cost that is stated.
    asked = {"gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 9}
    assert derive({**asked, **attributes}).cost == Cost(1.0, 2.0, 3.0)


def test_a_total_alone_has_no_parts() -> None:
    assert derive({"operation.cost": 0.25}).cost == Cost(None, None, 0.25)
    claude = {"span.type": "llm_request", "cost_usd": 0.25}
    assert derive(claude).cost == Cost(None, None, 0.25)


@pytest.mark.parametrize(
    "value", ["", "much", "nan", "inf", -1, True, [1], 1e300, "1" * 500]
)
def test_what_is_no_amount_is_no_cost(value: object) -> None:
    assert derive({"operation.cost": value}).cost is None


def test_a_cost_is_computed_from_tokens_and_model() -> None:
    spent = cost_of("gpt-4o-mini", **{"gen_ai.usage.output_tokens": 1_000_000})
    assert spent == Cost(0.15, 0.6, 0.75, is_computed=True)


def test_tokens_of_the_cache_have_prices_of_their_own() -> None:
    read = {"gen_ai.usage.cache_read.input_tokens": 400_000}
    assert cost_of("gpt-4o-mini", **read) == Cost(0.12, 0.0, 0.12, is_computed=True)
    written = {"gen_ai.usage.cache_creation.input_tokens": 1_000_000}
    assert cost_of("claude-haiku-4-5", **written) == Cost(
        1.25, 0.0, 1.25, is_computed=True
    )


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4o-mini",
        "GPT-4o-mini",
        "openai/gpt-4o-mini",
        "openrouter/openai/gpt-4o-mini",
        "gpt-4o-mini-2031-01-31",
        "gpt-4o-mini-latest",
    ],
)
def test_a_model_is_known_by_the_names_that_providers_write(name: str) -> None:
    assert cost_of(name) == cost_of("gpt-4o-mini")


def test_a_model_of_bedrock_is_known() -> None:
    bedrock = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
    assert cost_of(bedrock) == cost_of("claude-haiku-4-5")


@pytest.mark.parametrize("name", ["house", "gpt-4o-mini-audio", "x" * 500, "gpt", ""])
def test_an_unknown_model_has_no_cost(name: str) -> None:
    assert cost_of(name) is None


def test_without_tokens_nothing_is_computed() -> None:
    assert derive({"gen_ai.request.model": "gpt-4o"}).cost is None


def test_a_file_replaces_the_table(tmp_path: Path) -> None:
    (tmp_path / "prices.json").write_text(OWN)
    use_prices(str(tmp_path / "prices.json"))
    assert prices_date() == "2026-01-01"
    assert cost_of("house") == Cost(1.0, 0.0, 1.0, is_computed=True)
    assert cost_of("gpt-4o") is None


def test_off_computes_nothing() -> None:
    use_prices("off")
    assert cost_of("gpt-4o") is None
    assert derive({"operation.cost": 1}).cost == Cost(None, None, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"models": {}}',
        '{"date": 1, "models": {}}',
        '{"date": "", "models": {"m": {"output": 1}}}',
        '{"date": "", "models": {"m": {"input": "many"}}}',
        '{"date": "", "models": {"m": {"input": 1, "outputs": 1}}}',
    ],
)
def test_a_file_that_is_no_table_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text(text)
    with pytest.raises(SettingsError, match="SPANFRAME_PRICES"):
        use_prices(str(file))


def test_the_built_in_table_has_a_date() -> None:
    assert date.fromisoformat(prices_date()) > date(2026, 1, 1)
