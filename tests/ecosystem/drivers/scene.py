"""What the drivers share: the questions, the tool, an SDK that exports."""

from opentelemetry import _logs, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

SYSTEM = "Be brief."
QUESTION = "What is the capital of France?"
WEATHER = "What is the weather in Paris?"
BREAD = "Who bakes the bread?"
DOCUMENTS = ("Ann bakes the bread.", "Bob milks the cows.")
NO_MODEL = "gpt-none"
USER, SESSION = "ann", "s-1"
TAGS = ["blue", "green"]
METADATA = {"plan": "pro"}


def get_weather(city: str) -> str:
    """Return the weather of a city.

    Args:
        city: The name of the city.
    """
    return f"21 degrees and sunny in {city}"


TOOL = {
    "name": "get_weather",
    "description": "Return the weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
CHAT_TOOL = {"type": "function", "function": TOOL}
MESSAGES = [
    {"role": "system", "content": SYSTEM},
    {"role": "user", "content": QUESTION},
]


def provider(*processors: SpanProcessor) -> TracerProvider:
    """Set and return a provider that exports once, when it is shut down at exit."""
    made = TracerProvider()
    for processor in processors:
        made.add_span_processor(processor)
    made.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=600_000)
    )
    trace.set_tracer_provider(made)
    return made


def logs() -> None:
    """Set a provider of log events that exports when it is shut down at exit."""
    made = LoggerProvider()
    made.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(), schedule_delay_millis=600_000)
    )
    _logs.set_logger_provider(made)
