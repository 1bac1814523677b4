"""What is different on purpose, and why: the table of the tests and of the page.

The test compares what the programs see, field by field, and fails for a field that no
row names and for a row that names no field. `docs/migrating-from-mlflow.md` is made
from the table.
"""

from fnmatch import fnmatchcase
from typing import Final, NamedTuple

__all__ = ["ANYWHERE", "DIFFERENCES", "Difference"]

ANYWHERE: Final = "decorated.failing"
"""The program in which a field of every program (``*/…``) has to be found."""


class Difference(NamedTuple):
    """One difference.

    Attributes:
        subject: what differs.
        mlflow: what MLflow 3.17 does.
        here: what spanframe does.
        why: the reason.
        fields: patterns of the fields of programs that show it.
        shown_by: the test that shows it instead, ``file::name``.
    """

    subject: str
    mlflow: str
    here: str
    why: str
    fields: tuple[str, ...] = ()
    shown_by: str = ""

    def explains(self, field: str) -> bool:
        """Return whether the row names a field."""
        return any(fnmatchcase(field, pattern) for pattern in self.fields)


DIFFERENCES: Final = (
    # --- searches ---------------------------------------------------------------
    Difference(
        "columns of `search_traces`",
        "MLflow 3's",
        "MLflow 2's, or MLflow 3's with `layout=\"v3\"`",
        "the frames of existing notebooks keep their columns",
        ("searching.frames/columns", "searching.frames/empty/*"),
    ),
    Difference(
        "the first argument, by position",
        "experiment ids",
        "a filter when it is text, experiment ids when it is a list",
        "a filter is what most searches have",
        shown_by="tests/query/test_search.py"
        "::test_a_text_as_first_argument_is_the_filter",
    ),
    Difference(
        "a search that names no experiment",
        "covers the active one",
        "covers the one that `set_experiment` chose, else all",
        "a store is read by programs that choose none",
        shown_by="tests/query/test_search.py"
        "::test_a_chosen_experiment_narrows_the_search",
    ),
    Difference(
        "`client.search_traces([])`",
        "searches all experiments",
        "finds nothing",
        "an empty list names no experiment",
        ("searching.pages/no ids",),
    ),
    Difference(
        "a filter with a mistake",
        "some are ignored, some match no trace",
        "refused, with a caret and what to write",
        "half a filter finds the wrong traces",
        ("searching.refused/execution_time_ms > 'abc'",),
    ),
    Difference(
        "`span.attributes.k IN (…)`, `span.attributes.k > 10`",
        "refused",
        "compares the value, numbers as numbers",
        "an attribute is a value",
        ("searching.filters/span.attributes.config IN ('x')",),
    ),
    Difference(
        "`RLIKE`",
        "Python's or the database's own",
        "RE2: linear time for every pattern",
        "no text of a filter holds up the store",
        shown_by="tests/query/test_mlflow_differences.py::test_spanframe_refuses_it",
    ),
    Difference(
        "`extract_fields` with a path, `s.inputs.a.b`",
        "looks for one key `a.b`",
        "looks for that key, then walks the path",
        "values are nested",
        ("searching.extracted/b.inputs.deep.x/*",),
    ),
    # --- what is recorded ---------------------------------------------------------
    Difference(
        "inputs and outputs that are a text of JSON",
        "read as the value that the text spells",
        "read as the text; `extract_fields` looks inside, as MLflow's",
        "a function that returns a text returned a text",
        ("values.inputs_and_outputs/*JSON of *",),
    ),
    Difference(
        "an attribute that is an integer beyond 64 bits",
        "kept as an integer",
        "a text of its digits",
        "OTLP has no larger integers",
        ("values.attributes/* large integer*",),
    ),
    Difference(
        "an attribute that is None",
        "kept as None",
        "left out; `get_attribute` returns None either way",
        "OTLP has no such value in its API",
        ("values.attributes/dictionary of none",),
    ),
    Difference(
        "a text under `password` and similar keys",
        "recorded",
        "`[redacted]`",
        "a trace is read by more people than a password",
        shown_by="tests/instrumentation/test_redaction.py"
        "::test_a_key_that_looks_like_a_credential_is_hidden",
    ),
    Difference(
        "a stream that a function returns",
        "recorded as its `repr()`",
        "recorded item by item, as a generator is",
        "it is what the caller gets",
        shown_by="tests/instrumentation/test_streams.py"
        "::test_a_stream_that_a_function_returns_is_recorded",
    ),
    Difference(
        "a generator that raises",
        "has no outputs and no description",
        "the items so far, and the exception as description",
        "they are what the caller got",
        ("decorated.generators/breaks/*",),
    ),
    Difference(
        "a decorated class",
        "becomes a function",
        "stays the class; its constructor is recorded",
        "`isinstance` goes on working",
        shown_by="tests/instrumentation/test_invisible.py"
        "::test_a_class_stays_a_class_and_records_its_constructor",
    ),
    Difference(
        "arguments that do not fit the function",
        "inputs are null",
        "no inputs",
        "nothing was taken in",
        ("decorated.failing/unbound/*",),
    ),
    Difference(
        "tag `service.name`",
        "absent",
        "the name of the service, or of the script",
        "several services write into one store",
        ("*/service.name",),
    ),
    Difference(
        "metadata `mlflow.source.git.*` outside of a repository",
        "empty texts",
        "absent",
        "nothing is known",
        shown_by="tests/instrumentation/test_process.py"
        "::test_git_names_the_commit_the_branch_and_the_remote",
    ),
    Difference(
        "why a trace failed",
        "is on the span only",
        "metadata `spanframe.error` as well",
        "a list of failed traces says why",
        ("*/metadata/spanframe.error",),
    ),
    Difference(
        "metadata `mlflow.trace.sizeStats`, `mlflow.trace.infoFinalized`",
        "bookkeeping of its store",
        "absent; `mlflow.trace.sizeBytes` is there",
        "the store keeps its books elsewhere",
        (
            "*/*metadata/mlflow.trace.sizeStats",
            "*/*metadata/mlflow.trace.infoFinalized",
        ),
    ),
    Difference(
        "attribute `mlflow.spanStartTimeNs` of a span with a given start",
        "bookkeeping of its SDK",
        "absent; the start is the span's",
        "it says the same twice",
        ("by_hand.without_context/trace/spans/*/attributes/mlflow.spanStartTimeNs",),
    ),
    Difference(
        "cost",
        "what MLflow's SDK computes",
        "what spans state, else computed from a table with a date; "
        "`spanframe.cost.source` says which",
        "a computed cost is an estimate",
        ("elsewhere.usage/call/*/spanframe.cost.source",),
    ),
    # --- calls --------------------------------------------------------------------
    Difference(
        "a log level that does not exist",
        "loses the span (`start_span`) or is ignored (`trace`)",
        "refused; numbers are taken",
        "a mistake is shown where it is made",
        (
            "by_hand.levels/number",
            "by_hand.levels/unknown*",
            "decorated.refused/level*",
        ),
    ),
    Difference(
        "tags or metadata that are no dictionary",
        "AttributeError, ValueError",
        "MlflowException, INVALID_PARAMETER_VALUE",
        "one class to catch",
        ("of_the_trace.wrong_updates/tags/*", "of_the_trace.wrong_updates/metadata/*"),
    ),
    Difference(
        "a tag longer than 8 000 characters",
        "cut",
        "kept, up to 2 097 152",
        "nothing is lost",
        ("of_the_trace.tags/set tags/l",),
    ),
    Difference(
        "a tag of a trace that does not exist",
        "BAD_REQUEST, with text of SQL",
        "RESOURCE_DOES_NOT_EXIST",
        "as for every other call",
        ("of_the_trace.tags/unknown set/error_code",),
    ),
    Difference(
        "the key `../x` of a tag",
        "refused",
        "taken",
        "no path is made of a key",
        ("of_the_trace.tags/path*",),
    ),
    Difference(
        "`delete_traces(trace_ids=[])`",
        "refused",
        "deletes none",
        "a list may be empty",
        ("elsewhere.clients/no ids*",),
    ),
    Difference(
        "`search_spans(span_type=5)`",
        "refused",
        "finds none",
        "no span has that type",
        ("reading.searched_spans/a type that is no text*",),
    ),
    Difference(
        "`info.metadata`, `.timestamp`, `.user`, `.session_id`, `.name`, `.latency`",
        "AttributeError",
        "other names of `trace_metadata`, `request_time`, …",
        "MLflow's documents use some of them",
        ("reading.objects/info.*",),
    ),
    Difference(
        "`set_experiment` in a thread",
        "changes all threads",
        "changes that thread",
        "requests that are served side by side do not meet",
        shown_by="tests/instrumentation/test_threads.py"
        "::test_threads_and_tasks_choose_experiment_and_model_for_themselves",
    ),
    Difference(
        "request headers without a `traceparent`",
        "refused",
        "leave the context as it is",
        "a handler may wrap every request",
        ("elsewhere.distributed/none*",),
    ),
    Difference(
        "`OTEL_EXPORTER_OTLP_TIMEOUT`",
        "seconds",
        "milliseconds",
        "OpenTelemetry specifies so",
        shown_by="tests/instrumentation/test_environment.py"
        "::test_the_standard_timeout_is_in_milliseconds_and_our_own_in_seconds",
    ),
    Difference(
        "evaluation, prompts, models, assessments",
        "yes",
        "no; keep MLflow for these",
        "spanframe is about traces",
        shown_by="tests/test_mlflow_names.py::test_an_absent_name_says_what_it_is_here",
    ),
    # --- what other libraries send ---------------------------------------------------
    Difference(
        "preview of inputs or outputs that a root does not state",
        "empty",
        "the question of the first call of a model, the answer of the last",
        "a list of traces is read by people",
        shown_by="tests/store/sql/test_rollup.py"
        "::test_the_model_calls_have_the_previews_that_a_root_does_not_state",
    ),
    Difference(
        "previews of chats",
        "three shapes of messages; any other is JSON",
        "the last text of the user, the text or the tool calls of the assistant, in "
        "the shapes of all vendors",
        "a list of traces is read by people",
        shown_by="tests/store/otlp/test_previews.py"
        "::test_a_request_shows_its_last_user_message",
    ),
    Difference(
        "text that another library records",
        "shown with JSON's quotes in a preview",
        "shown as it is",
        "the quotes are not the text's",
        shown_by="tests/store/otlp/test_previews.py"
        "::test_text_has_no_quotes_unless_the_app_itself_states_it",
    ),
    Difference(
        "OpenInference: a `repr()` in `output.value` beside documents or messages",
        "the `repr()`",
        "the documents, the messages",
        "they are the result",
        shown_by="tests/store/otlp/test_conventions.py"
        "::test_a_span_is_read_by_its_convention",
    ),
    Difference(
        "tokens of an embedding",
        "input alone",
        "input, and the same as total",
        "sums of totals hold",
        shown_by="tests/store/otlp/test_conventions.py"
        "::test_a_span_is_read_by_its_convention",
    ),
    Difference(
        "a span that failed without a message",
        "no message",
        "its exception event: `ValueError: boom`",
        "it says why",
        shown_by="tests/store/otlp/test_failures.py::test_an_outcome_says_why",
    ),
    Difference(
        "LangSmith's retrievers",
        "EMBEDDING",
        "RETRIEVER",
        "they retrieve",
        shown_by="tests/store/otlp/test_conventions.py"
        "::test_a_span_is_read_by_its_convention",
    ),
)
