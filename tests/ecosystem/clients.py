"""The table of clients: what is installed, which program runs, in which modes.

A client is one row. Its program is ``drivers/<driver>.py`` (or ``.cjs``), its versions
are pinned in ``pins/``, its exports are in ``recordings/<name>/``, what a
user expects of them is in ``expected/<name>.toml``.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["CLIENTS", "HERE", "Client"]

HERE: Final = Path(__file__).parent
_LANGCHAIN: Final = ("langchain", "langchain-openai", "numpy")
_LLAMA_INDEX: Final = (
    *("llama-index-core", "llama-index-llms-openai", "llama-index-embeddings-openai"),
)
_NODE: Final = ("@opentelemetry/sdk-node", "node@24")
_OTLP: Final = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")


class Client(NamedTuple):
    """A library that sends traces, in one of its modes."""

    name: str
    title: str
    driver: str
    packages: tuple[str, ...]
    environment: Mapping[str, str] = {}
    silent: tuple[str, ...] = ()
    """Aspects, and counts of tokens, that this mode does not send."""
    edition: str = ""
    """An earlier version of the library, which apps still use."""

    @property
    def place(self) -> str:
        """The name of its environment and of its pins; modes share one."""
        return f"{self.driver}-{self.edition}" if self.edition else self.driver

    @property
    def version(self) -> str:
        """The version of the package that gives the client its name: the first."""
        name = re.split(r"[\[<>=]|(?<!^)@", self.packages[0])[0]
        pinned = re.compile(rf"^{re.escape(name)}(==|@)(.+)$", re.MULTILINE)
        found = pinned.search(self.pins.read_text())
        assert found is not None, name
        return found[2]

    @property
    def recordings(self) -> Path:
        """The folder of its exports."""
        return HERE / "recordings" / self.name

    @property
    def expected(self) -> Path:
        """The file of what a user expects: of this mode, or of all of its driver."""
        own = HERE / "expected" / f"{self.name}.toml"
        return own if own.exists() else HERE / "expected" / f"{self.driver}.toml"

    @property
    def gaps(self) -> Path:
        """The file of what is not shown yet; there is none where nothing is missing."""
        return HERE / "gaps" / f"{self.name}.txt"

    @property
    def pins(self) -> Path:
        """The file of the versions that were recorded."""
        return HERE / "pins" / f"{self.place}.txt"


def _openinference(library: str, title: str, *packages: str) -> Client:
    return Client(
        f"openinference-{library}",
        f"OpenInference: {title}",
        f"openinference_{library.replace('-', '_')}",
        (f"openinference-instrumentation-{library}", *packages, *_OTLP),
    )


_CONTENT: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_WITHOUT_CONTENT: Final = (
    *("request", "response", "inputs", "outputs", "documents", "calls"),
)
_LATEST: Final = {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"}


def _otel(library: str, title: str, *packages: str) -> tuple[Client, ...]:
    """Return a GenAI package of OpenTelemetry in each of its modes of content."""
    return tuple(
        Client(
            f"otel-{library}-{mode.replace('_', '-')}",
            f"OpenTelemetry: {title}, {mode.replace('_', ' ')}",
            f"otel_{library.replace('-', '_')}",
            (*packages, *_OTLP),
            {_CONTENT: mode, "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT": emitted},
            _WITHOUT_CONTENT if mode == "no_content" else (),
        )
        for mode, emitted in (
            ("span_only", "false"),
            ("event_only", "true"),
            ("span_and_event", "true"),
            ("no_content", "false"),
        )
    )


def _traceloop(library: str, title: str, *packages: str) -> Client:
    return Client(
        f"traceloop-{library}",
        f"Traceloop: {title}",
        f"traceloop_{library.replace('-', '_')}",
        (*packages, *_OTLP),
    )


_LANGFUSE: Final = {
    "LANGFUSE_PUBLIC_KEY": "pk",
    "LANGFUSE_SECRET_KEY": "sk",
    "LANGFUSE_HOST": "{url}",
    "LANGFUSE_BASE_URL": "{url}",
}
_PYDANTIC_AI: Final = "pydantic-ai-slim[openai]"


CLIENTS: Final = (
    _openinference("openai", "OpenAI", "openai"),
    _openinference("anthropic", "Anthropic", "anthropic"),
    _openinference("langchain", "LangChain", *_LANGCHAIN),
    _openinference("llama-index", "LlamaIndex", *_LLAMA_INDEX),
    _openinference("litellm", "LiteLLM", "litellm"),
    _openinference("openai-agents", "OpenAI Agents", "openai-agents"),
    _openinference("pydantic-ai", "Pydantic AI", "pydantic-ai-slim[openai]"),
    _openinference("smolagents", "smolagents", "smolagents[openai]"),
    _openinference("dspy", "DSPy", "dspy"),
    _openinference("crewai", "CrewAI", "crewai"),
    _openinference("mcp", "MCP", "mcp"),
    _openinference("agno", "Agno", "agno", "openai"),
    _openinference("haystack", "Haystack", "haystack-ai"),
    _openinference("google-genai", "Google Gen AI", "google-genai"),
    _openinference("google-adk", "Google ADK", "google-adk"),
    _openinference("instructor", "Instructor", "instructor", "openai"),
    _openinference(
        "autogen-agentchat", "AutoGen", "autogen-agentchat", "autogen-ext[openai]"
    ),
    Client(
        "openinference-decorators",
        "OpenInference: decorators",
        "openinference_decorators",
        ("arize-phoenix-otel", *_OTLP),
    ),
    *_otel("openai", "OpenAI", "opentelemetry-instrumentation-genai-openai", "openai"),
    *(
        Client(
            f"otel-openai-v2-{mode}",
            f"OpenTelemetry: openai-v2, {title}",
            "otel_openai_v2",
            (
                "opentelemetry-instrumentation-openai-v2",
                "opentelemetry-util-genai<1",  # later ones have moved what it imports
                *("openai", "httpx"),
                *_OTLP,
            ),
            environment,
            silent,
        )
        for mode, title, environment, silent in (
            (
                *("legacy", "message events", {_CONTENT: "true"}),
                ("cached",),
            ),
            (
                *("span-only", "span only", {_CONTENT: "span_only", **_LATEST}),
                ("cached",),
            ),
            (
                *("event-only", "event only", {_CONTENT: "event_only", **_LATEST}),
                ("cached",),
            ),
        )
    ),
    *_otel(
        "anthropic",
        "Anthropic",
        "opentelemetry-instrumentation-genai-anthropic",
        "anthropic",
    ),
    *_otel(
        "langchain",
        "LangChain",
        "opentelemetry-instrumentation-genai-langchain",
        *_LANGCHAIN,
    ),
    *_otel(
        "openai-agents",
        "OpenAI Agents",
        "opentelemetry-instrumentation-genai-openai-agents",
        "openai-agents",
    ),
    _traceloop("openai", "OpenAI", "opentelemetry-instrumentation-openai", "openai"),
    _traceloop(
        "anthropic",
        "Anthropic",
        "opentelemetry-instrumentation-anthropic",
        "anthropic",
    ),
    *(
        Client(
            f"traceloop-{library}-0.40",
            f"Traceloop 0.40: {title}",
            f"traceloop_{library}",
            (
                f"opentelemetry-instrumentation-{library}<0.41",
                f"{library}<2",
                *_OTLP,
            ),
            edition="0.40",
        )
        for library, title in (("openai", "OpenAI"), ("anthropic", "Anthropic"))
    ),
    _traceloop(
        "langchain",
        "LangChain",
        "opentelemetry-instrumentation-langchain",
        *_LANGCHAIN,
    ),
    _traceloop(
        "openai-agents",
        "OpenAI Agents",
        *("opentelemetry-instrumentation-openai-agents", "openai-agents"),
    ),
    _traceloop(
        "crewai",
        "CrewAI",
        "opentelemetry-instrumentation-crewai",
        *("opentelemetry-instrumentation-openai", "crewai"),
    ),
    _traceloop(
        "llamaindex",
        "LlamaIndex",
        "opentelemetry-instrumentation-llamaindex",
        *_LLAMA_INDEX,
    ),
    _traceloop("sdk", "SDK", "traceloop-sdk", "openai", "httpx"),
    Client("logfire-openai", "Logfire", "logfire_openai", ("logfire", "openai")),
    Client(
        "logfire-pydantic-ai",
        "Logfire: Pydantic AI",
        "logfire_pydantic_ai",
        ("logfire", _PYDANTIC_AI),
    ),
    Client(
        "pydantic-ai-v1",
        "Pydantic AI 1, version 1",
        "pydantic_ai_1",
        ("pydantic-ai-slim[openai]<2", *_OTLP),
    ),
    *(
        Client(
            f"pydantic-ai-v{version}",
            f"Pydantic AI, version {version}",
            "pydantic_ai_own",
            (_PYDANTIC_AI, *_OTLP),
            {"PYDANTIC_AI_INSTRUMENTATION": str(version)},
        )
        for version in range(2, 7)
    ),
    Client(
        "langfuse-decorator",
        "Langfuse: decorator, OpenAI",
        "langfuse_decorator",
        ("langfuse", "openai"),
        _LANGFUSE,
    ),
    Client(
        "langfuse-3",
        "Langfuse 3: decorator, OpenAI",
        "langfuse_decorator",
        ("langfuse<4", "openai<2"),
        _LANGFUSE,
        edition="3",
    ),
    Client(
        "langfuse-langchain",
        "Langfuse: LangChain",
        "langfuse_langchain",
        ("langfuse", *_LANGCHAIN),
        _LANGFUSE,
    ),
    Client(
        "langsmith",
        "LangSmith",
        "langsmith_otel",
        ("langsmith[otel]", *_LANGCHAIN),
        {
            "LANGSMITH_OTEL_ENABLED": "true",
            "LANGSMITH_OTEL_ONLY": "true",
            "LANGSMITH_TRACING": "true",
            "LANGSMITH_API_KEY": "none",
            "LANGSMITH_ENDPOINT": "{url}",
        },
    ),
    Client(
        "mlflow",
        "MLflow",
        "mlflow_autolog",
        # MLflow 3.17 writes tags into attributes that later versions have frozen.
        ("mlflow", *_LANGCHAIN, *(f"{package}<1.40" for package in _OTLP)),
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "{url}/v1/traces"},
    ),
    Client(
        "strands",
        "Strands",
        "strands_agents",
        ("strands-agents[openai]", *_OTLP),
    ),
    Client(
        "strands-latest",
        "Strands, latest conventions",
        "strands_agents",
        ("strands-agents[openai]", *_OTLP),
        _LATEST,
    ),
    *(
        Client(
            f"google-adk-{mode.replace('_', '-')}",
            f"Google ADK, {mode.replace('_', ' ')}",
            "google_adk",
            ("google-adk", *_OTLP),
            {_CONTENT: mode},
        )
        for mode in ("span_only", "event_only")
    ),
    Client(
        "semantic-kernel",
        "Semantic Kernel",
        "semantic_kernel_agent",
        ("semantic-kernel", *_OTLP),
        {"SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS_SENSITIVE": "true"},
    ),
    Client(
        "autogen",
        "AutoGen",
        "autogen_agent",
        (
            "autogen-agentchat",
            "autogen-ext[openai]",
            "opentelemetry-instrumentation-openai",
            *_OTLP,
        ),
    ),
    Client(
        "agent-framework",
        "Microsoft Agent Framework",
        "agent_framework_agent",
        ("agent-framework-core", "agent-framework-openai", *_OTLP),
    ),
    Client(
        "haystack",
        "Haystack's own tracer",
        "haystack_own",
        ("haystack-ai", "opentelemetry-haystack", *_OTLP),
    ),
    Client(
        "llama-index",
        "LlamaIndex's own package",
        "llama_index_own",
        ("llama-index-observability-otel", *_LLAMA_INDEX, *_OTLP),
    ),
    Client("litellm", "LiteLLM's own callback", "litellm_otel", ("litellm", *_OTLP)),
    Client("laminar", "Laminar", "laminar_openai", ("lmnr[openai]", "openai", *_OTLP)),
    Client(
        "langwatch", "LangWatch", "langwatch_decorator", ("langwatch", "openai", *_OTLP)
    ),
    Client("openlit", "OpenLIT", "openlit_openai", ("openlit", "openai", "httpx")),
    *(
        Client(
            f"js-otel-sdk-{protocol.rpartition('/')[2]}",
            f"OpenTelemetry Node SDK, {protocol}",
            "js_otel_sdk",
            (*_NODE, "@opentelemetry/api"),
            {
                "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            },
        )
        for protocol, endpoint in (
            ("grpc", "{grpc}"),
            ("http/protobuf", "{url}"),
            ("http/json", "{url}"),
        )
    ),
    *(
        Client(
            f"js-vercel-ai{name}",
            f"Vercel AI SDK{title}",
            "js_vercel_ai",
            ("ai", "@ai-sdk/openai", "@ai-sdk/otel", *_NODE),
            {"AI_SDK_TELEMETRY": telemetry},
        )
        for name, title, telemetry in (
            ("", "", "OpenTelemetry"),
            ("-legacy", ", legacy telemetry", "LegacyOpenTelemetry"),
        )
    ),
    Client(
        "js-vercel-ai-6",
        "Vercel AI SDK 6",
        "js_vercel_ai_6",
        ("ai@6", "@ai-sdk/openai@3", *_NODE),
    ),
    Client(
        "js-openinference",
        "OpenInference for JavaScript: OpenAI",
        "js_openinference",
        (
            "@arizeai/openinference-instrumentation-openai",
            "@arizeai/openinference-core",
            *_NODE,
            "@opentelemetry/api",
            "openai",
        ),
    ),
    Client(
        "js-openinference-langchain",
        "OpenInference for JavaScript: LangChain",
        "js_openinference_langchain",
        (
            "@arizeai/openinference-instrumentation-langchain",
            "@arizeai/openinference-core",
            "@opentelemetry/api",
            "@langchain/core",
            "@langchain/openai",
            *_NODE,
        ),
    ),
    Client(
        "js-traceloop",
        "Traceloop for JavaScript",
        "js_traceloop",
        ("@traceloop/node-server-sdk", "openai", *_NODE),
    ),
    Client(
        "js-langfuse",
        "Langfuse for JavaScript",
        "js_langfuse",
        (
            "@langfuse/otel",
            "@langfuse/tracing",
            "@langfuse/openai",
            # With a later Node npm takes an SDK that Langfuse does not fit.
            *("@opentelemetry/sdk-node", "node@20"),
            "openai",
        ),
        _LANGFUSE,
    ),
)
