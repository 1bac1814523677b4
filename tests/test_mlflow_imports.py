"""The imports of thirty programs of MLflow work after one name is changed in them.

They are the imports of public examples, notebooks, services, callbacks, plugins and
tests that trace with MLflow 2.14 to 3.17, written anew: which modules they name, and
which names they take. A name that is not here is listed with its program, and its
import says what it is.
"""

import importlib
import re
from typing import Final

import pytest

PROGRAMS: Final = {
    "quick start": "import mlflow",
    "decorator with span types": """
import mlflow
from mlflow.entities import SpanType
""",
    "an agent with tools": """
import mlflow
from mlflow.entities import Document, SpanEvent, SpanType
from mlflow.tracing import set_span_chat_tools
""",
    "a retriever": """
import mlflow
from mlflow.entities import Document
from mlflow.entities.document import Document
from mlflow.entities.span import SpanType
""",
    "fluent functions by module": """
from mlflow.tracing.fluent import get_current_active_span, start_span, trace
from mlflow.tracking.fluent import set_experiment
""",
    "client of a notebook": """
import mlflow
from mlflow import MlflowClient
from mlflow.entities import Trace, TraceInfo
""",
    "client by its old place": """
import mlflow
from mlflow.tracking import MlflowClient
""",
    "client by its module": """
from mlflow.client import MlflowClient
from mlflow.tracking.client import MlflowClient
""",
    "callback of a framework": """
import mlflow
from mlflow.entities import LiveSpan, SpanEvent, SpanStatus, SpanStatusCode, SpanType
from mlflow.exceptions import MlflowException
from mlflow.tracing.constant import SpanAttributeKey, TokenUsageKey
from mlflow.tracing.provider import detach_span_from_context, set_span_in_context
""",
    "status of a span": """
from mlflow.entities.span_event import SpanEvent
from mlflow.entities.span_status import SpanStatus, SpanStatusCode
""",
    "spans without a recorder": """
from mlflow.entities.span import LiveSpan, NoOpSpan, Span, SpanType
""",
    "traces of a dashboard": """
import mlflow
from mlflow.entities.trace import Trace
from mlflow.entities.trace_data import TraceData
from mlflow.entities.trace_info import TraceInfo
from mlflow.entities.trace_location import TraceLocation, TraceLocationType
from mlflow.entities.trace_state import TraceState
""",
    "traces of MLflow 2": """
from mlflow.entities import Trace, TraceData, TraceInfo
from mlflow.entities.trace_status import TraceStatus
""",
    "destination of traces": """
import mlflow
from mlflow.entities.trace_location import MlflowExperimentLocation
""",
    "destination of traces in 3.0": """
import mlflow
from mlflow.tracing.destination import MlflowExperiment
""",
    "service behind another": """
import mlflow
from fastapi import FastAPI
from mlflow.tracing import (
    get_tracing_context_headers_for_http_request,
    set_tracing_context_from_http_request_headers,
)
from mlflow.tracing.distributed import (
    get_tracing_context_headers_for_http_request,
    set_tracing_context_from_http_request_headers,
)
""",
    "keys of metadata": """
from mlflow.tracing.constant import (
    CostKey,
    SpanAttributeKey,
    TraceMetadataKey,
    TraceTagKey,
)
""",
    "masking": """
import mlflow
from mlflow.entities import LiveSpan, SpanType
from mlflow.tracing import configure
from mlflow.tracing.config import configure
""",
    "OpenAI": """
import mlflow
import mlflow.openai
import openai
""",
    "LangChain": """
import mlflow.langchain
from langchain_core.prompts import ChatPromptTemplate
from mlflow.langchain import autolog
""",
    "several libraries": """
import mlflow.anthropic
import mlflow.crewai
import mlflow.dspy
import mlflow.gemini
import mlflow.litellm
import mlflow.llama_index
import mlflow.pydantic_ai
import mlflow.smolagents
""",
    "switching recording off in tests": """
import mlflow
from mlflow.tracing import disable, enable, reset
from mlflow.tracing.display import disable_notebook_display
from mlflow.tracing.provider import is_tracing_enabled
""",
    "a plugin's errors": """
from mlflow.exceptions import MlflowException, MlflowTracingException, RestException
from mlflow.protos.databricks_pb2 import (
    INVALID_PARAMETER_VALUE,
    RESOURCE_DOES_NOT_EXIST,
    ErrorCode,
)
""",
    "pages of traces": """
from mlflow.entities import Trace
from mlflow.store.entities import PagedList
from mlflow.store.entities.paged_list import PagedList
""",
    "internals of the client": """
from mlflow.tracing.client import TracingClient
from mlflow.tracing.utils import set_span_chat_tools
""",
    "tracking store": """
import mlflow.tracking
from mlflow.tracking import get_tracking_uri, is_tracking_uri_set, set_tracking_uri
""",
    "feedback of users": """
import mlflow
from mlflow.entities import AssessmentSource, AssessmentSourceType, Feedback
from mlflow.entities.assessment import Expectation
""",
    "evaluation": """
import mlflow
from mlflow.genai.scorers import Correctness, scorer
import mlflow.genai
""",
    "an agent as a model": """
import mlflow
from mlflow.entities import SpanType
from mlflow.pyfunc import ResponsesAgent
from mlflow.types.responses import ResponsesAgentRequest
from mlflow.models import set_model
""",
    "runs beside traces": """
import mlflow
from mlflow import log_metric, start_run
from mlflow.entities import Run, SpanType
from mlflow.environment_variables import MLFLOW_TRACE_SAMPLING_RATIO
""",
}
NOT_HERE: Final = {
    "feedback of users": ["AssessmentSource", "entities.assessment"],
    "evaluation": ["genai", "genai"],
    "an agent as a model": ["pyfunc", "types", "models"],
    "runs beside traces": ["log_metric", "Run", "environment_variables"],
}
"""What is not here of each program, by a word of the error."""


def statements(program: str) -> list[str]:
    """Return the imports of a program, those of other packages left out."""
    found = re.findall(
        r"^(?:import .*|from [\w.]+ import (?:\((?:[^)]*)\)|.*))$",
        program,
        re.MULTILINE,
    )
    return [line for line in found if re.match(r"(?:import|from) mlflow\b", line)]


def failures(program: str) -> list[str]:
    errors = []
    for statement in statements(program):
        try:
            exec(re.sub(r"\bmlflow\b", "spanframe", statement, count=1), {})  # noqa: S102 - the programs above
        except ImportError as error:
            errors.append(str(error))
    return errors


def test_there_are_thirty_programs() -> None:
    assert len(PROGRAMS) == 30
    assert sum(len(statements(program)) for program in PROGRAMS.values()) > 70


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_imports_of_a_program_work_or_say_what_to_write(name: str) -> None:
    errors = failures(PROGRAMS[name])
    expected = NOT_HERE.get(name, [])
    assert len(errors) == len(expected), errors
    for error, word in zip(errors, expected, strict=True):
        assert re.match(rf"spanframe\S*\b{word}\S* is missing: .+\.$", error), error


def test_the_imports_are_those_of_mlflow_itself() -> None:
    """The names exist where MLflow's own package for tracing is installed."""
    for program in PROGRAMS.values():
        for statement in statements(program):
            module = statement.split()[1]
            if re.match(r"mlflow\.(entities|tracing|exceptions|protos)\b", module):
                importlib.import_module(module)
                exec(statement, {})  # noqa: S102 - the programs above
