"""The work, traced with spanframe."""

import spanframe


@spanframe.trace(span_type="RETRIEVER")
def look_up(topic: str) -> list[str]:
    return [f"{topic} 1", f"{topic} 2"]


@spanframe.trace(span_type="AGENT")
def answer(question: str, limit: int = 1) -> dict[str, list[str]]:
    return {"found": look_up(question)[:limit]}


answer("tents")
spanframe.flush()
