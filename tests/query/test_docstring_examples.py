"""The examples in the docstrings of the public functions run, and each has one."""

import doctest
import inspect

import pytest

import spanframe
from spanframe import _lazy
from spanframe_query.client import SpanframeClient
from tests.plugins.sample_spans import otlp_span
from tests.plugins.store import Store

DOCUMENTED = {
    **{name: getattr(spanframe, name) for name in _lazy.FUNCTIONS},
    "SpanframeClient": SpanframeClient,
    **{f"plot.{name}": getattr(spanframe.plot, name) for name in _lazy.PLOTS},
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_example_of_a_docstring_runs(searched: Store, name: str) -> None:
    searched.write(otlp_span(1, attributes={"session.id": "s"}))
    text = inspect.getdoc(DOCUMENTED[name])
    examples = doctest.DocTestParser().get_doctest(text or "", {}, name, None, None)
    assert examples.examples
    report: list[str] = []
    results = doctest.DocTestRunner().run(examples, out=report.append)
    assert results.failed == 0, "".join(report)
