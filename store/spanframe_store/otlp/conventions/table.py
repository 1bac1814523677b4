"""The table of conventions: one row each, in the order in which they are applied.

The order is that of MLflow 3.17, MLflow itself first. A row leaves out keys that an
earlier row reads for the same value; keys that MLflow does not read end a cell.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from spanframe import keys
from spanframe_store.otlp.conventions import (
    agents,
    events,
    flattened,
    pipelines,
    shapes,
)
from spanframe_store.otlp.conventions.values import Attributes, Cost, Events, Usage

__all__ = ["Convention", "CostKeys", "TokenKeys", "table"]

Cell = tuple[str | Callable[[Attributes], Any], ...]
"""Keys and shapes, in order: the first that is not empty counts."""

EventShape = Callable[[Attributes, Events], Any]


class TokenKeys(NamedTuple):
    """The keys of the token counts; the first key that has a count is read."""

    input: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    total: tuple[str, ...] = ()
    cache_read: tuple[str, ...] = ()
    cache_creation: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()


class CostKeys(NamedTuple):
    """The keys of the costs in USD; the first key that has an amount is read."""

    input: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    total: tuple[str, ...] = ()


class Convention(NamedTuple):
    """The attributes and events in which a convention states values of a span."""

    name: str
    inputs: Cell = ()
    outputs: Cell = ()
    type_keys: tuple[str, ...] = ()
    types: Mapping[str, str] = {}
    """Span types by the values of the keys; other values have no meaning."""
    type_shape: Callable[[Attributes], str | None] | None = None
    tokens: TokenKeys | Callable[[Attributes], Usage | None] = TokenKeys()
    costs: CostKeys | Callable[[Attributes], Cost | None] = CostKeys()
    models: Cell = ()
    providers: tuple[str, ...] = ()
    input_event: EventShape | None = None
    output_event: EventShape | None = None
    events: tuple[str, ...] = ()
    """The names of the events that the two read."""
    applies: Callable[[Attributes], bool] | None = None
    """Tells whether the row applies to a span; None: to one that has a key of it."""
    marks: tuple[str, ...] = ()
    """Further keys that the shapes read."""
    families: tuple[str, ...] = ()
    """Prefixes of the keys that the shapes gather."""


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


table: Final = (
    Convention(
        # Its inputs, outputs and types have rules of their own: see `derive`.
        "MLflow",
        tokens=shapes.mlflow_usage,
        costs=shapes.mlflow_cost,
        models=(keys.LLM_MODEL,),
        providers=(keys.LLM_PROVIDER,),
        marks=(keys.CHAT_USAGE, keys.LLM_COST),
    ),
    Convention(
        "OpenInference",
        inputs=(flattened.openinference_input,),
        outputs=(flattened.openinference_output,),
        type_keys=("openinference.span.kind",),
        types=_same(
            "TOOL",
            "CHAIN",
            "LLM",
            "RETRIEVER",
            "EMBEDDING",
            "AGENT",
            "RERANKER",
            "GUARDRAIL",
            "EVALUATOR",
            "UNKNOWN",
        ),
        tokens=TokenKeys(
            input=("llm.token_count.prompt",),
            output=("llm.token_count.completion",),
            total=("llm.token_count.total",),
            cache_read=("llm.token_count.prompt_details.cache_read",),
            cache_creation=("llm.token_count.prompt_details.cache_write",),
            reasoning=("llm.token_count.completion_details.reasoning",),
        ),
        costs=CostKeys(
            ("llm.cost.prompt",), ("llm.cost.completion",), ("llm.cost.total",)
        ),
        models=(
            "llm.response.model_name",
            "llm.model_name",
            "llm.request.model_name",
            "embedding.model_name",
        ),
        providers=("llm.provider", "llm.system"),
        marks=("input.value", "output.value"),
        families=(
            "llm.input_messages.",
            "llm.output_messages.",
            "retrieval.documents.",
            "reranker.input_documents.",
            "reranker.output_documents.",
            "embedding.embeddings.",
        ),
    ),
    Convention(
        "Gemini CLI",
        applies=shapes.is_gemini_cli,
        inputs=(shapes.gemini_input,),
        outputs=(shapes.gemini_output,),
        type_keys=("gen_ai.operation.name",),
        types={"llm_call": "LLM", "tool_call": "TOOL", "agent_call": "AGENT"},
        marks=("gen_ai.agent.name",),
    ),
    Convention(
        "Claude Code",
        applies=shapes.is_claude_code,
        inputs=(shapes.claude_input,),
        outputs=(shapes.claude_output,),
        output_event=shapes.claude_output_event,
        events=("tool.output",),
        type_keys=("span.type",),
        types={
            "interaction": "AGENT",
            "llm_request": "LLM",
            "tool": "TOOL",
            "claude_code.interaction": "AGENT",
            "claude_code.llm_request": "LLM",
            "claude_code.tool": "TOOL",
        },
        tokens=shapes.claude_usage,
        costs=shapes.claude_cost,
    ),
    Convention(
        # Before OpenTelemetry GenAI: beside its own kind of a retriever LangSmith
        # writes the operation of an embedding.
        "LangSmith",
        inputs=(agents.langsmith_input,),
        outputs=(agents.langsmith_output,),
        type_shape=agents.langsmith_type,
        tokens=agents.langsmith_usage,
        marks=("langsmith.span.kind", "gen_ai.prompt", "gen_ai.completion"),
    ),
    Convention(
        # As LangSmith: beside its own kind Traceloop calls an agent what runs steps.
        "Traceloop's steps",
        applies=agents.is_traceloop_step,
        type_keys=("traceloop.span.kind",),
        types={"workflow": "WORKFLOW", "task": "TASK"},
    ),
    Convention(
        "LangWatch",
        inputs=(pipelines.langwatch_input,),
        outputs=(
            pipelines.langwatch_output,
            "langwatch.rag.contexts",
            "langwatch.contexts",
        ),
        type_keys=("langwatch.span.type",),
        types={
            "llm": "LLM",
            "chain": "CHAIN",
            "tool": "TOOL",
            "agent": "AGENT",
            "rag": "RETRIEVER",
            "guardrail": "GUARDRAIL",
            "evaluation": "EVALUATOR",
            "workflow": "WORKFLOW",
            "task": "TASK",
            "component": "CHAIN",
            "module": "CHAIN",
        },
        tokens=pipelines.langwatch_usage,
        costs=pipelines.langwatch_cost,
        marks=("langwatch.input", "langwatch.output", "langwatch.metrics"),
    ),
    Convention(
        "OpenTelemetry GenAI",
        inputs=(
            shapes.genai_input,
            "gen_ai.tool.call.arguments",
            "gen_ai.retrieval.query.text",
        ),
        outputs=(
            "gen_ai.output.messages",
            "gen_ai.tool.call.result",
            "gen_ai.retrieval.documents",
        ),
        type_keys=("gen_ai.operation.name",),
        types={
            "chat": "CHAT_MODEL",
            "text_completion": "LLM",
            "generate_content": "LLM",
            "response": "LLM",
            "embeddings": "EMBEDDING",
            "execute_tool": "TOOL",
            "create_agent": "AGENT",
            "invoke_agent": "AGENT",
            "invoke_workflow": "WORKFLOW",
            "retrieval": "RETRIEVER",
            "vector_db_retrieve": "RETRIEVER",
            "rerank": "RERANKER",
            "execute_task": "TASK",
            "search_memory": "MEMORY",
            "create_memory": "MEMORY",
            "update_memory": "MEMORY",
            "upsert_memory": "MEMORY",
            "delete_memory": "MEMORY",
        },
        tokens=TokenKeys(
            input=("gen_ai.usage.input_tokens",),
            output=("gen_ai.usage.output_tokens",),
            total=("gen_ai.usage.total_tokens",),
            cache_read=(
                "gen_ai.usage.cache_read.input_tokens",
                "gen_ai.usage.cache_read_input_tokens",
            ),
            cache_creation=(
                "gen_ai.usage.cache_write.input_tokens",
                "gen_ai.usage.cache_creation.input_tokens",
                "gen_ai.usage.cache_creation_input_tokens",
                "gen_ai.usage.cache_write_input_tokens",
            ),
            reasoning=(
                "gen_ai.usage.reasoning.output_tokens",
                "gen_ai.usage.reasoning_tokens",
                "gen_ai.usage.details.reasoning_tokens",
            ),
        ),
        costs=CostKeys(
            ("gen_ai.usage.input_cost", "gen_ai.cost.input_cost"),
            ("gen_ai.usage.output_cost", "gen_ai.cost.output_cost"),
            (
                "gen_ai.usage.total_cost",
                "gen_ai.usage.cost",
                "gen_ai.cost.total_cost",
            ),
        ),
        models=("gen_ai.response.model", "gen_ai.request.model"),
        providers=("gen_ai.provider.name",),
        marks=("gen_ai.input.messages", "gen_ai.system_instructions"),
    ),
    Convention(
        "Spring AI",
        input_event=shapes.spring_input_event,
        output_event=shapes.spring_output_event,
        events=("gen_ai.content.prompt", "gen_ai.content.completion"),
    ),
    Convention(
        "OpenTelemetry GenAI events",
        input_event=events.genai_input_events,
        output_event=events.genai_output_events,
        events=events.GENAI_EVENTS,
    ),
    Convention(
        "Strands",
        input_event=events.memory_input_event,
        output_event=events.memory_output_event,
        events=events.MEMORY_EVENTS,
        type_keys=("gen_ai.operation.name",),
        types={
            "memory.search": "MEMORY",
            "memory.add": "MEMORY",
            "execute_event_loop_cycle": "CHAIN",
        },
    ),
    Convention(
        "pydantic-ai",
        applies=agents.is_pydantic_ai,
        inputs=(agents.pydantic_ai_input, "tool_arguments"),
        outputs=("final_result", agents.pydantic_ai_output, "tool_response"),
        type_shape=agents.pydantic_ai_type,
        models=("model_name",),
        marks=("pydantic_ai.all_messages", "all_messages_events", "events"),
    ),
    Convention("Logfire", costs=CostKeys(total=("operation.cost",))),
    Convention(
        "Traceloop",
        inputs=(
            agents.traceloop_input,
            flattened.prompts,
            flattened.completed_call,
            "crewai.task.description",
            pipelines.crew_input,
        ),
        outputs=(
            agents.traceloop_output,
            flattened.completions,
            "crewai.crew.result",
        ),
        type_keys=("traceloop.span.kind",),
        types={
            "workflow": "WORKFLOW",
            "task": "TASK",
            "agent": "AGENT",
            "tool": "TOOL",
            "unknown": "UNKNOWN",
        },
        type_shape=agents.traceloop_type,
        tokens=TokenKeys(
            input=("gen_ai.usage.prompt_tokens",),
            output=("gen_ai.usage.completion_tokens",),
            total=("llm.usage.total_tokens",),
            cache_read=("gen_ai.usage.cache_read_input_tokens",),
            cache_creation=("gen_ai.usage.cache_creation_input_tokens",),
        ),
        providers=("gen_ai.system",),
        marks=(
            "traceloop.entity.input",
            "traceloop.entity.output",
            "llm.request.type",
            "crewai.crew.tasks",
        ),
        families=("gen_ai.prompt.", "gen_ai.completion."),
    ),
    Convention(
        "Haystack",
        inputs=(
            "haystack.pipeline.input_data",
            "haystack.component.input",
            "haystack.agent.input",
            "haystack.agent.step.llm.input",
            "haystack.agent.step.tool.input",
        ),
        outputs=(
            "haystack.pipeline.output_data",
            "haystack.component.output",
            "haystack.agent.output",
            "haystack.agent.step.llm.output",
            "haystack.agent.step.tool.output",
        ),
        type_shape=pipelines.haystack_type,
        tokens=pipelines.haystack_usage,
        models=(pipelines.haystack_model,),
        marks=(
            "haystack.component.type",
            "haystack.pipeline.execution_mode",
            "haystack.pipeline.metadata",
            "haystack.agent.max_steps",
            "haystack.tool.name",
        ),
    ),
    Convention(
        "Google ADK",
        inputs=("gcp.vertex.agent.llm_request", "gcp.vertex.agent.tool_call_args"),
        outputs=("gcp.vertex.agent.llm_response", "gcp.vertex.agent.tool_response"),
    ),
    Convention(
        "Vercel AI SDK",
        inputs=(
            shapes.vercel_input,
            "ai.prompt",
            "ai.toolCall.args",
            "ai.value",
            "ai.values",
        ),
        outputs=(
            shapes.vercel_output,
            "ai.response.text",
            "ai.toolCall.result",
            "ai.response.object",
            "ai.embedding",
            "ai.embeddings",
        ),
        type_keys=("ai.operationId",),
        types={
            "ai.generateText": "LLM",
            "ai.generateText.doGenerate": "LLM",
            "ai.streamText": "LLM",
            "ai.streamText.doStream": "LLM",
            "ai.generateObject": "LLM",
            "ai.generateObject.doGenerate": "LLM",
            "ai.streamObject": "LLM",
            "ai.streamObject.doStream": "LLM",
            "ai.toolCall": "TOOL",
            "ai.embed": "EMBEDDING",
            "ai.embed.doEmbed": "EMBEDDING",
            "ai.embedMany": "EMBEDDING",
            "ai.embedMany.doEmbed": "EMBEDDING",
        },
        tokens=TokenKeys(
            input=("ai.usage.promptTokens", "ai.usage.inputTokens", "ai.usage.tokens"),
            output=("ai.usage.completionTokens", "ai.usage.outputTokens"),
            total=("ai.usage.totalTokens",),
            cache_read=(
                "ai.usage.cachedInputTokens",
                "ai.usage.inputTokenDetails.cacheReadTokens",
            ),
            cache_creation=("ai.usage.inputTokenDetails.cacheWriteTokens",),
            reasoning=(
                "ai.usage.reasoningTokens",
                "ai.usage.outputTokenDetails.reasoningTokens",
            ),
        ),
        models=("ai.response.model", "ai.model.id"),
        providers=("ai.model.provider",),
    ),
    Convention(
        "VoltAgent",
        inputs=("agent.messages", "llm.messages", "input"),
        outputs=("output",),
        # A child has its parent's entity.type, so its own span.type goes first.
        type_keys=("span.type", "entity.type"),
        types={"agent": "AGENT", "llm": "LLM", "tool": "TOOL", "memory": "MEMORY"},
        tokens=TokenKeys(
            input=("usage.prompt_tokens", "llm.usage.prompt_tokens"),
            output=("usage.completion_tokens", "llm.usage.completion_tokens"),
            total=("usage.total_tokens", "llm.usage.total_tokens"),
        ),
    ),
    Convention(
        "LiveKit",
        inputs=("lk.user_input", "lk.user_transcript", "lk.chat_ctx", "lk.input_text"),
        outputs=("lk.response.text", "lk.response.function_calls"),
        type_shape=shapes.livekit_type,
        marks=(
            "gen_ai.request.model",
            "lk.retry_count",
            "lk.agent_name",
            "lk.instructions",
            "lk.generation_id",
        ),
        families=("lk.function_tool",),
    ),
    Convention(
        "Laminar",
        inputs=("lmnr.span.input",),
        outputs=("lmnr.span.output",),
        type_keys=("lmnr.span.type",),
        types={
            "LLM": "LLM",
            "CACHED": "LLM",
            "TOOL": "TOOL",
            "DEFAULT": "CHAIN",
            "PIPELINE": "CHAIN",
            "EXECUTOR": "AGENT",
            "EVALUATOR": "EVALUATOR",
            "HUMAN_EVALUATOR": "EVALUATOR",
            "EVALUATION": "EVALUATOR",
        },
    ),
    Convention(
        "Langfuse",
        inputs=("langfuse.observation.input",),
        outputs=("langfuse.observation.output",),
        type_keys=("langfuse.observation.type",),
        types={
            "generation": "LLM",
            "embedding": "EMBEDDING",
            "tool": "TOOL",
            "retriever": "RETRIEVER",
            "agent": "AGENT",
            "chain": "CHAIN",
            "evaluator": "EVALUATOR",
            "guardrail": "GUARDRAIL",
            "span": "UNKNOWN",
        },
        tokens=agents.langfuse_usage,
        costs=agents.langfuse_cost,
        models=("langfuse.observation.model.name",),
        marks=(
            "langfuse.observation.usage_details",
            "langfuse.observation.cost_details",
        ),
    ),
)
