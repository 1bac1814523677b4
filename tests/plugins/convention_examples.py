"""A span of every convention, in the shape its senders write, and what it says."""

from typing import Any, NamedTuple

from spanframe_store.otlp.conventions import Usage

# The senders write structured values as JSON text.
QUESTION = '[{"role":"user","content":"hi"}]'
ANSWER = '[{"role":"assistant","content":"ho"}]'
LOADED_QUESTION = [{"role": "user", "content": "hi"}]
LOADED_ANSWER = [{"role": "assistant", "content": "ho"}]


class Example(NamedTuple):
    """A span of a convention, and what it says."""

    convention: str
    attributes: dict[str, Any]
    events: tuple[tuple[str, dict[str, Any]], ...] = ()
    inputs: Any = None
    outputs: Any = None
    type: str = "UNKNOWN"
    usage: Usage | None = None
    model: str | None = None
    provider: str | None = None
    user: str | None = None
    session: str | None = None


EXAMPLES = [
    Example(
        "MLflow",
        {
            "mlflow.spanInputs": '{"messages": []}',
            "mlflow.spanOutputs": '"ho"',
            "mlflow.spanType": '"CHAT_MODEL"',
            "mlflow.chat.tokenUsage": '{"input_tokens": 3, "output_tokens": 4, '
            '"total_tokens": 7, "cache_read_input_tokens": 1}',
            "mlflow.llm.model": '"gpt-5"',
            "mlflow.llm.provider": '"openai"',
            "mlflow.trace.user": '"ann"',
            "mlflow.trace.session": "s-1",
        },
        inputs={"messages": []},
        outputs="ho",
        type="CHAT_MODEL",
        usage=Usage(3, 4, 7, 1),
        model="gpt-5",
        provider="openai",
        user="ann",
        session="s-1",
    ),
    Example(
        "OpenInference",
        {
            "openinference.span.kind": "LLM",
            "input.value": '{"messages": [{"role": "user", "content": "hi"}]}',
            "input.mime_type": "application/json",
            "output.value": "ho",
            "llm.model_name": "gpt-5",
            "llm.response.model_name": "gpt-5-2026-01",
            "llm.provider": "openai",
            "llm.token_count.prompt": 10,
            "llm.token_count.completion": 5,
            "llm.token_count.total": 16,
            "llm.token_count.prompt_details.cache_read": 2,
            "llm.token_count.prompt_details.cache_write": 3,
            "user.id": "ann",
            "session.id": "s-1",
        },
        inputs={"messages": LOADED_QUESTION},
        outputs="ho",
        type="LLM",
        usage=Usage(10, 5, 16, 2, 3),
        model="gpt-5-2026-01",
        provider="openai",
        user="ann",
        session="s-1",
    ),
    Example(
        "OpenInference, flattened messages",
        {
            "llm.input_messages.1.message.role": "user",
            "llm.input_messages.1.message.contents.0.message_content.type": "text",
            "llm.input_messages.1.message.contents.0.message_content.text": "hi",
            "llm.input_messages.0.message.role": "system",
            "llm.input_messages.0.message.content": "be brief",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c-1",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
        },
        inputs=[
            {"role": "system", "content": "be brief"},
            {"role": "user", "contents": [{"type": "text", "text": "hi"}]},
        ],
        outputs=[
            {
                "role": "assistant",
                "tool_calls": [{"id": "c-1", "function": {"name": "f"}}],
            }
        ],
    ),
    Example(
        "Gemini CLI",
        {
            "gen_ai.agent.name": "gemini-cli",
            "gen_ai.operation.name": "llm_call",
            "gen_ai.input.messages": '[{"role": "user", "parts": [{"text": "hi"}]}]',
            "gen_ai.output.messages": '[{"role": "model", "parts": [{"text": "h"}]},'
            '{"role": "model", "parts": [{"text": "o"}]}]',
            "gen_ai.request.model": "gemini-3",
            "gen_ai.usage.input_tokens": 7,
            "gen_ai.usage.output_tokens": 2,
            "gen_ai.conversation.id": "s-1",
        },
        inputs={"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
        outputs={
            "candidates": [
                {"content": {"role": "model", "parts": [{"text": "h"}, {"text": "o"}]}}
            ]
        },
        type="LLM",
        usage=Usage(7, 2, 9),
        model="gemini-3",
        session="s-1",
    ),
    Example(
        "Gemini CLI, system prompt",
        {
            "gen_ai.agent.name": "gemini-cli",
            "gen_ai.operation.name": "system_prompt",
            "gen_ai.input.messages": '[{"role": "user", "parts": []}]',
        },
        inputs={"contents": [{"role": "system", "parts": []}]},
    ),
    Example(
        "Claude Code, interaction",
        {
            "span.type": "interaction",
            "user_prompt": "hi",
            "input_tokens": 99,
            "session.id": "s-1",
        },
        inputs="hi",
        type="AGENT",
        session="s-1",
    ),
    Example(
        "Claude Code, model request",
        {
            "span.type": "claude_code.llm_request",
            "new_context": "hi",
            "response.model_output": "ho",
            "input_tokens": 10,
            "cache_read_tokens": "200",
            "cache_creation_tokens": 30,
            "output_tokens": 5,
        },
        inputs="hi",
        outputs="ho",
        type="LLM",
        usage=Usage(240, 5, 245, 200, 30),
    ),
    Example(
        "Claude Code, tool",
        {
            "span.type": "tool",
            "tool_input": "<REDACTED>",
            "full_command": "ls",
            "file_path": "/etc",
        },
        events=(("tool.output", {"output": "<REDACTED>", "content": "hosts"}),),
        inputs={"full_command": "ls", "file_path": "/etc"},
        outputs="hosts",
        type="TOOL",
    ),
    Example(
        "OpenTelemetry GenAI",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude",
            "gen_ai.response.model": "claude-5",
            "gen_ai.input.messages": QUESTION,
            "gen_ai.output.messages": ANSWER,
            "gen_ai.usage.input_tokens": 3,
            "gen_ai.usage.output_tokens": "4",
            "gen_ai.usage.cache_read.input_tokens": 2,
            "gen_ai.usage.cache_creation.input_tokens": 1,
            "gen_ai.conversation.id": "s-1",
            "enduser.id": "ann",
        },
        inputs=LOADED_QUESTION,
        outputs=LOADED_ANSWER,
        type="CHAT_MODEL",
        usage=Usage(3, 4, 7, 2, 1),
        model="claude-5",
        provider="anthropic",
        user="ann",
        session="s-1",
    ),
    Example(
        "OpenTelemetry GenAI, system instructions",
        {
            "gen_ai.operation.name": "generate_content",
            "gen_ai.system_instructions": '[{"type":"text","content":"be brief"}]',
            "gen_ai.input.messages": QUESTION,
        },
        inputs=[
            {"role": "system", "parts": [{"type": "text", "content": "be brief"}]},
            *LOADED_QUESTION,
        ],
        type="LLM",
    ),
    Example(
        "OpenTelemetry GenAI, tool",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.call.arguments": {"city": "Bern"},
            "gen_ai.tool.call.result": [21.5, "sunny"],
        },
        inputs={"city": "Bern"},
        outputs=[21.5, "sunny"],
        type="TOOL",
    ),
    Example(
        "OpenTelemetry GenAI events",
        {"gen_ai.operation.name": "text_completion", "gen_ai.system": "openai"},
        events=(
            ("gen_ai.system.message", {"content": "be brief"}),
            ("gen_ai.user.message", {"content": '["hi"]'}),
            ("exception", {"exception.message": "no message"}),
            ("gen_ai.assistant.message", {"content": "yes?"}),
            ("gen_ai.choice", {"content": "ho", "index": 0}),
        ),
        inputs=[
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": ["hi"]},
            {"role": "assistant", "content": "yes?"},
        ],
        outputs=[{"role": "assistant", "content": "ho"}],
        type="LLM",
        provider="openai",
    ),
    Example(
        "OpenTelemetry GenAI events, details",
        {},
        events=(
            (
                "gen_ai.client.inference.operation.details",
                {
                    "gen_ai.input.messages": LOADED_QUESTION,
                    "gen_ai.output.messages": ANSWER,
                },
            ),
        ),
        inputs=LOADED_QUESTION,
        outputs=LOADED_ANSWER,
    ),
    Example(
        "Spring AI",
        {"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "ada"},
        events=(
            ("gen_ai.content.prompt", {"gen_ai.prompt": "hi"}),
            ("gen_ai.content.completion", {"gen_ai.completion": "ho"}),
        ),
        inputs="hi",
        outputs="ho",
        type="EMBEDDING",
        model="ada",
    ),
    Example(
        "Traceloop",
        {
            "traceloop.span.kind": "workflow",
            "traceloop.entity.input": '{"args": [1]}',
            "traceloop.entity.output": "5",
            "traceloop.association.properties.user_id": "ann",
            "traceloop.association.properties.session_id": "s-1",
        },
        inputs={"args": [1]},
        outputs="5",
        type="WORKFLOW",
        user="ann",
        session="s-1",
    ),
    Example(
        "Traceloop, model call",
        {
            "gen_ai.system": "OpenAI",
            "gen_ai.request.model": "gpt-5",
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": "hi",
            "gen_ai.prompt.10.role": "user",
            "gen_ai.prompt.10.content": "again",
            "gen_ai.prompt.2.role": "assistant",
            "gen_ai.prompt.2.tool_calls.0.name": "f",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "ho",
            "gen_ai.completion.0.finish_reason": "stop",
            "gen_ai.usage.prompt_tokens": 3,
            "gen_ai.usage.completion_tokens": 4,
            "llm.usage.total_tokens": 8,
        },
        inputs=[
            {"role": "user", "content": "hi"},
            {"role": "assistant", "tool_calls": [{"name": "f"}]},
            {"role": "user", "content": "again"},
        ],
        outputs=[{"role": "assistant", "content": "ho", "finish_reason": "stop"}],
        type="LLM",
        usage=Usage(3, 4, 8),
        model="gpt-5",
        provider="OpenAI",
    ),
    Example(
        "Traceloop, tool call without a prompt",
        {"gen_ai.completion.0.tool_calls.0.arguments": '{"city": "Bern"}'},
        inputs={"city": "Bern"},
        outputs=[{"tool_calls": [{"arguments": '{"city": "Bern"}'}]}],
    ),
    Example(
        "Google ADK",
        {
            "gcp.vertex.agent.llm_request": '{"model": "gemini-3", "contents": []}',
            "gcp.vertex.agent.llm_response": '{"content": {"parts": []}}',
        },
        inputs={"model": "gemini-3", "contents": []},
        outputs={"content": {"parts": []}},
        model="gemini-3",
    ),
    Example(
        "Google ADK, tool",
        {
            "gcp.vertex.agent.llm_request": "{}",
            "gcp.vertex.agent.tool_call_args": '{"a": 1}',
            "gcp.vertex.agent.tool_response": '{"b": 2}',
        },
        inputs={"a": 1},
        outputs={"b": 2},
    ),
    Example(
        "Vercel AI SDK",
        {
            "ai.operationId": "ai.generateText",
            "ai.prompt": '{"prompt":"hi"}',
            "ai.response.text": "ho",
            "ai.model.id": "gpt-5",
            "ai.model.provider": "openai.chat",
            "ai.usage.promptTokens": 3.0,
            "ai.usage.completionTokens": 4,
        },
        inputs={"prompt": "hi"},
        outputs="ho",
        type="LLM",
        usage=Usage(3, 4, 7),
        model="gpt-5",
        provider="openai.chat",
    ),
    Example(
        "Vercel AI SDK, model call",
        {
            "ai.operationId": "ai.streamText.doStream",
            "ai.prompt.messages": QUESTION,
            "ai.prompt.tools": ['{"type":"function","name":"f"}'],
            "ai.prompt.toolChoice": '{"type":"auto"}',
            "ai.response.text": "ho",
            "ai.response.finishReason": "stop",
        },
        inputs={
            "messages": LOADED_QUESTION,
            "tools": [{"type": "function", "name": "f"}],
            "toolChoice": {"type": "auto"},
        },
        outputs={"text": "ho", "finishReason": "stop"},
        type="LLM",
    ),
    Example(
        "Vercel AI SDK, tool",
        {
            "ai.operationId": "ai.toolCall",
            "ai.toolCall.args": '{"city":"Bern"}',
            "ai.toolCall.result": '"sunny"',
        },
        inputs={"city": "Bern"},
        outputs="sunny",
        type="TOOL",
    ),
    Example(
        "VoltAgent",
        {
            "entity.type": "agent",
            "span.type": "llm",
            "llm.messages": QUESTION,
            "output": "ho",
            "usage.prompt_tokens": 3,
            "llm.usage.completion_tokens": 4,
            "usage.total_tokens": 7,
        },
        inputs=LOADED_QUESTION,
        outputs="ho",
        type="LLM",
        usage=Usage(3, 4, 7),
    ),
    Example(
        "VoltAgent, root",
        {"entity.type": "agent", "agent.messages": QUESTION, "input": "not this"},
        inputs=LOADED_QUESTION,
        type="AGENT",
    ),
    Example(
        "LiveKit",
        {
            "lk.chat_ctx": '{"items": []}',
            "lk.response.text": "ho",
            "lk.retry_count": 0,
            "gen_ai.usage.input_tokens": 3,
        },
        inputs={"items": []},
        outputs="ho",
        type="LLM",
        usage=Usage(3, None, 3),
    ),
    Example(
        "LiveKit, tool",
        {"lk.function_tool.name": "f", "lk.input_text": "hi"},
        inputs="hi",
        type="TOOL",
    ),
    Example(
        "LiveKit, agent",
        {"lk.agent_name": "voice", "lk.user_transcript": "hi"},
        inputs="hi",
        type="AGENT",
    ),
    Example(
        "Laminar",
        {
            "lmnr.span.type": "CACHED",
            "lmnr.span.input": QUESTION,
            "lmnr.span.output": ANSWER,
            "gen_ai.system": "openai",
            "gen_ai.response.model": "gpt-5",
            "gen_ai.usage.input_tokens": 3,
            "gen_ai.usage.output_tokens": 4,
        },
        inputs=LOADED_QUESTION,
        outputs=LOADED_ANSWER,
        type="LLM",
        usage=Usage(3, 4, 7),
        model="gpt-5",
        provider="openai",
    ),
    Example(
        "Langfuse",
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.input": QUESTION,
            "langfuse.observation.output": ANSWER,
            "langfuse.observation.model.name": "gpt-5",
            "langfuse.observation.usage_details": '{"input": 3, "output": 4}',
            "langfuse.user.id": "ann",
            "langfuse.session.id": "s-1",
        },
        inputs=LOADED_QUESTION,
        outputs=LOADED_ANSWER,
        type="LLM",
        usage=Usage(3, 4, 7),
        model="gpt-5",
        user="ann",
        session="s-1",
    ),
    Example(
        "LangSmith",
        {
            "langsmith.span.kind": "retriever",
            "langsmith.trace.name": "search",
            "langsmith.span.tags": "a, b",
            "langsmith.metadata.user_id": "ann",
            "langsmith.metadata.session_id": "s-1",
            "gen_ai.operation.name": "embeddings",
            "gen_ai.prompt": '{"query": "hi"}',
            "gen_ai.completion": '{"documents": []}',
            "gen_ai.usage.input_tokens": 3,
            "gen_ai.usage.output_tokens": 4,
            "gen_ai.usage.total_tokens": 8,
        },
        inputs={"query": "hi"},
        outputs={"documents": []},
        type="RETRIEVER",
        usage=Usage(3, 4, 8),
        user="ann",
        session="s-1",
    ),
    Example(
        "Logfire",
        {"operation.cost": 0.5, "logfire.tags": ["a"], "logfire.msg": "hi"},
    ),
    Example(
        "pydantic-ai",
        {
            "gen_ai.agent.name": "weather",
            "gen_ai.operation.name": "invoke_agent",
            "model_name": "gpt-5",
            "pydantic_ai.all_messages": '[{"role":"system","parts":[]},'
            '{"role":"user","parts":[{"type":"text","content":"hi"}]},'
            '{"role":"assistant","parts":[{"type":"tool_call","name":"f"}]},'
            '{"role":"user","parts":[{"type":"tool_call_response","result":"12"}]},'
            '{"role":"assistant","parts":[{"type":"text","content":"ho"}]}]',
            "final_result": "ho",
            "gen_ai.conversation.id": "s-1",
        },
        inputs=[
            {"role": "system", "parts": []},
            {"role": "user", "parts": [{"type": "text", "content": "hi"}]},
        ],
        outputs="ho",
        type="AGENT",
        model="gpt-5",
        session="s-1",
    ),
    Example(
        "pydantic-ai, tool of version 2",
        {
            "gen_ai.tool.name": "f",
            "tool_arguments": '{"city": "Paris"}',
            "tool_response": "12",
        },
        inputs={"city": "Paris"},
        outputs="12",
        type="TOOL",
    ),
    Example(
        "pydantic-ai, version 1",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-5",
            "events": '[{"event.name": "gen_ai.user.message", "role": "user", '
            '"content": "hi"}, {"event.name": "gen_ai.choice", "index": 0, '
            '"message": {"role": "assistant", "content": "ho"}}]',
        },
        inputs=[{"event.name": "gen_ai.user.message", "role": "user", "content": "hi"}],
        outputs={"role": "assistant", "content": "ho"},
        type="CHAT_MODEL",
        model="gpt-5",
    ),
    Example(
        "Strands",
        {"gen_ai.operation.name": "memory.search"},
        (
            ("memory.query", {"content": "hi"}),
            ("memory.results", {"content": '[{"content": "ho"}]'}),
        ),
        inputs="hi",
        outputs=[{"content": "ho"}],
        type="MEMORY",
    ),
    Example(
        "OpenTelemetry GenAI events, tool of Strands",
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f"},
        (
            (
                "gen_ai.tool.message",
                {"role": "tool", "content": '{"city": "Paris"}', "id": "1"},
            ),
            ("gen_ai.choice", {"message": '[{"text": "12"}]', "id": "1"}),
        ),
        inputs={"city": "Paris"},
        outputs=[{"text": "12"}],
        type="TOOL",
    ),
    Example(
        "OpenTelemetry GenAI events, model of Strands",
        {"gen_ai.operation.name": "chat"},
        (
            ("gen_ai.user.message", {"content": '[{"text": "hi"}]'}),
            ("gen_ai.tool.message", {"content": '[{"toolResult": {}}]'}),
            ("gen_ai.choice", {"message": '[{"text": "ho"}]', "finish_reason": "x"}),
        ),
        inputs=[
            {"role": "user", "content": [{"text": "hi"}]},
            {"role": "tool", "content": [{"toolResult": {}}]},
        ],
        outputs=[{"role": "assistant", "content": [{"text": "ho"}]}],
        type="CHAT_MODEL",
    ),
    Example(
        "OpenTelemetry GenAI events, several details",
        {"gen_ai.operation.name": "invoke_agent"},
        (
            (
                "gen_ai.client.inference.operation.details",
                {"gen_ai.input.messages": QUESTION},
            ),
            (
                "gen_ai.client.inference.operation.details",
                {"gen_ai.input.messages": '[{"role": "tool", "parts": []}]'},
            ),
            (
                "gen_ai.client.inference.operation.details",
                {"gen_ai.output.messages": ANSWER},
            ),
        ),
        inputs=[*LOADED_QUESTION, {"role": "tool", "parts": []}],
        outputs=LOADED_ANSWER,
        type="AGENT",
    ),
    Example(
        "OpenTelemetry GenAI events, of Azure",
        {},
        (
            (
                "gen_ai.user.message",
                {"gen_ai.event.content": '{"role": "user", "content": "hi"}'},
            ),
            (
                "gen_ai.choice",
                {"gen_ai.event.content": '{"message": {"content": "ho"}, "index": 0}'},
            ),
        ),
        inputs=LOADED_QUESTION,
        outputs=LOADED_ANSWER,
    ),
    Example(
        "OpenTelemetry GenAI events, a call alone",
        {},
        (
            (
                "gen_ai.assistant.message",
                {"tool_calls": '[{"function": {"name": "f"}}]'},
            ),
        ),
        inputs=[{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}],
    ),
    Example(
        "OpenTelemetry GenAI, retrieval",
        {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.retrieval.query.text": "hi",
            "gen_ai.retrieval.documents": '[{"id": "d-1", "score": 0.5}]',
        },
        inputs="hi",
        outputs=[{"id": "d-1", "score": 0.5}],
        type="RETRIEVER",
    ),
    Example(
        "OpenInference, documents",
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": "hi",
            "output.value": "[<NodeWithScore object at 0x7f>]",
            "retrieval.documents.0.document.id": "d-1",
            "retrieval.documents.0.document.score": 0.5,
            "retrieval.documents.0.document.content": "ho",
        },
        inputs="hi",
        outputs=[{"id": "d-1", "score": 0.5, "content": "ho"}],
        type="RETRIEVER",
    ),
    Example(
        "OpenInference, messages beside a repr",
        {
            "input.value": "[ChatMessage(role='user', content='hi')]",
            "output.value": "assistant: ho",
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "hi",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "ho",
        },
        inputs=LOADED_QUESTION,
        outputs=LOADED_ANSWER,
    ),
    Example(
        "Langfuse, parts apart",
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.usage_details": '{"input": 16, "output": 4, '
            '"total": 30, "input_cached_tokens": 5, "output_reasoning_tokens": 5}',
        },
        type="LLM",
        usage=Usage(21, 9, 30, 5, None, 5),
    ),
    Example(
        "Langfuse, OpenAI's names",
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.usage_details": '{"prompt_tokens": 21, '
            '"completion_tokens": 9, "total_tokens": 30, '
            '"prompt_tokens_details": {"cached_tokens": 5, "audio_tokens": 0}, '
            '"completion_tokens_details": {"reasoning_tokens": 5}}',
        },
        type="LLM",
        usage=Usage(21, 9, 30, 5, None, 5),
    ),
    Example(
        "OpenInference, a text of several messages",
        {
            "openinference.span.kind": "LLM",
            "input.value": "hi",
            "llm.input_messages.0.message.role": "system",
            "llm.input_messages.0.message.content": "Be brief.",
            "llm.input_messages.1.message.role": "user",
            "llm.input_messages.1.message.content": "hi",
        },
        inputs=[{"role": "system", "content": "Be brief."}, *LOADED_QUESTION],
        type="LLM",
    ),
    Example(
        "OpenInference, a workflow of LlamaIndex",
        {
            "openinference.span.kind": "CHAIN",
            "input.value": '{"init_state": {"is_running": false}}',
            "output.value": "StopEvent(result='ho')",
        },
        outputs="StopEvent(result='ho')",
        type="CHAIN",
    ),
    Example(
        "Traceloop's steps",
        {
            "traceloop.span.kind": "task",
            "gen_ai.operation.name": "invoke_agent",
            "crewai.task.description": "hi",
            "traceloop.entity.output": "ho",
        },
        inputs="hi",
        outputs="ho",
        type="TASK",
    ),
    Example(
        "Traceloop, crew",
        {
            "gen_ai.operation.name": "invoke_agent",
            "crewai.crew.tasks": '[{"id": "t-1", "description": "hi"}]',
            "crewai.crew.result": "ho",
        },
        inputs="hi",
        outputs="ho",
        type="AGENT",
    ),
    Example(
        "Traceloop, embedding",
        {
            "llm.request.type": "embedding",
            "gen_ai.system": "OpenAI",
            "gen_ai.request.model": "text-embedding-3-small",
            "gen_ai.prompt.0.content": "hi",
            "gen_ai.usage.prompt_tokens": 4,
        },
        inputs=[{"content": "hi"}],
        type="EMBEDDING",
        usage=Usage(4, None, 4),
        model="text-embedding-3-small",
        provider="OpenAI",
    ),
    Example(
        "LangWatch",
        {
            "langwatch.span.type": "llm",
            "langwatch.input": f'{{"type": "chat_messages", "value": {QUESTION}}}',
            "langwatch.output": '{"type": "text", "value": "ho"}',
            "langwatch.metrics": '{"prompt_tokens": 21, "completion_tokens": 9, '
            '"reasoning_tokens": 2}',
            "gen_ai.request.model": "openai/gpt-5",
            "metadata": '{"user_id": "ann", "thread_id": "s-1", "labels": ["blue"]}',
        },
        inputs=LOADED_QUESTION,
        outputs="ho",
        type="LLM",
        usage=Usage(21, 9, 30, None, None, 2),
        model="openai/gpt-5",
        user="ann",
        session="s-1",
    ),
    Example(
        "Haystack",
        {
            "haystack.component.type": "OpenAIChatGenerator",
            "haystack.component.input": f'{{"messages": {QUESTION}}}',
            "haystack.component.output": '{"replies": [{"role": "assistant", "meta": '
            '{"model": "gpt-5", "usage": {"prompt_tokens": 21, "completion_tokens": 9, '
            '"prompt_tokens_details": {"cached_tokens": 5}, '
            '"completion_tokens_details": {"reasoning_tokens": 2}}}}]}',
        },
        inputs={"messages": LOADED_QUESTION},
        outputs={
            "replies": [
                {
                    "role": "assistant",
                    "meta": {
                        "model": "gpt-5",
                        "usage": {
                            "prompt_tokens": 21,
                            "completion_tokens": 9,
                            "prompt_tokens_details": {"cached_tokens": 5},
                            "completion_tokens_details": {"reasoning_tokens": 2},
                        },
                    },
                }
            ]
        },
        type="CHAT_MODEL",
        usage=Usage(21, 9, 30, 5, None, 2),
        model="gpt-5",
    ),
    Example(
        "Haystack, text model",
        {
            "haystack.component.type": "AnthropicGenerator",
            "haystack.component.output": '{"replies": ["ho"], "meta": [{"model": '
            '"claude", "usage": {"input_tokens": 3, "output_tokens": 4}}]}',
        },
        outputs={
            "replies": ["ho"],
            "meta": [
                {"model": "claude", "usage": {"input_tokens": 3, "output_tokens": 4}}
            ],
        },
        type="LLM",
        usage=Usage(3, 4, 7),
        model="claude",
    ),
    Example(
        "Haystack, tool of an agent",
        {
            "haystack.tool.name": "get_weather",
            "haystack.agent.step.tool.input": '{"city": "Paris"}',
            "haystack.agent.step.tool.output": "ho",
        },
        inputs={"city": "Paris"},
        outputs="ho",
        type="TOOL",
    ),
    Example(
        "Haystack, retriever",
        {
            "haystack.component.type": "InMemoryBM25Retriever",
            "haystack.component.input": '{"query": "hi"}',
            "haystack.component.output": '{"documents": [{"content": "ho"}]}',
        },
        inputs={"query": "hi"},
        outputs={"documents": [{"content": "ho"}]},
        type="RETRIEVER",
    ),
]
