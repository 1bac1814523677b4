"""Dashboard and alerts speak of series that a real collector has."""

import json
import re
import urllib.request
from typing import Any

import promql_parser
import pytest
import yaml

from spanframe_collector.settings import CollectorSettings
from tests.plugins.collector import Collector
from tests.plugins.exports import export
from tests.plugins.launches import DEPLOY
from tests.plugins.otlp import request, span

DASHBOARD = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
RULES = yaml.safe_load((DEPLOY / "grafana/alerts.yaml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
VARIABLES = {"$__rate_interval": "5m", "$instance": ".*"}


def expressions() -> dict[str, str]:
    """Return every query, by what it is for, with Grafana's variables filled in."""
    found = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    }
    for name, text in found.items():
        for variable, value in VARIABLES.items():
            found[name] = found[name].replace(variable, value)
        assert "$" not in found[name], text
    return found | {rule["alert"]: rule["expr"] for rule in ALERTS}


def series(node: Any) -> set[str]:
    """Return the names of the series that a query reads."""
    return set(re.findall(r"\b(?:spanframe|otelcol)_\w+", str(node.prettify())))


@pytest.mark.parametrize("name", sorted(expressions()))
def test_a_query_is_promql(name: str) -> None:
    promql_parser.parse(expressions()[name])


def test_what_is_no_promql_is_found() -> None:
    """So that the test above can fail."""
    with pytest.raises(ValueError, match="unclosed"):
        promql_parser.parse("sum(rate(spanframe_stored_spans_total[5m])")


def test_every_series_is_one_that_a_collector_tells(collector: Collector) -> None:
    export(collector.target, request(span(1)).SerializeToString())
    url = f"{collector.http_endpoint}/metrics"
    with urllib.request.urlopen(url) as answer:  # noqa: S310
        text = answer.read().decode()
    told = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    told |= {f"{name}_bucket" for name in told}
    asked = {
        name for q in expressions().values() for name in series(promql_parser.parse(q))
    }
    # A family without a label yet is told by its type line alone.
    assert asked - told == set()
    for wanted in ("refused", "in_flight", "commit_seconds", "last_commit"):
        assert any(wanted in name for name in asked)


def test_every_panel_has_a_place_of_its_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_the_alarm_for_a_full_queue_knows_the_default() -> None:
    [rule] = (r for r in ALERTS if r["alert"] == "SpanframeQueueFills")
    assert str(CollectorSettings.load(environ={}).max_in_flight_bytes) in rule["expr"]


def test_every_alert_is_tried_by_promtool() -> None:
    """Which CI runs: both that it is silent and that it speaks."""
    tried = yaml.safe_load((DEPLOY / "grafana/alerts.test.yaml").read_text())
    names = {rule["alert"] for rule in ALERTS}
    for test in tried["tests"]:
        assert {t["alertname"] for t in test["alert_rule_test"]} == names
