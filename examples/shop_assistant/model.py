"""The language model: a stand-in that runs in this process and answers by rule.

It behaves like a model over the network where a trace would show it: it takes time,
more for long prompts, is now and then slow, sometimes overloaded, and reports its
tokens.
"""

import random
import time

import spanframe

__all__ = ["Message", "ModelOverloadedError", "chat"]

Message = dict[str, str]

OVERLOADED_SHARE = 0.03
SLOW_SHARE = 0.05
SLOW_SECONDS = 0.35
INTENTS = {
    "buy": "take_payment",
    "order": "take_payment",
    "deliver": "quote_shipping",
    "ship": "quote_shipping",
    "stock": "check_stock",
    "available": "check_stock",
}


class ModelOverloadedError(RuntimeError):
    """The model takes no more requests for the moment."""


@spanframe.trace(span_type="CHAT_MODEL")
def chat(messages: list[Message], model: str, temperature: float = 0.0) -> Message:
    """Return the model's next message: a tool to call, or the answer."""
    prompt = " ".join(message["content"] for message in messages)
    luck = random.Random(f"{model} {temperature} {prompt}")
    time.sleep(0.01 + len(prompt) / 100_000)
    if luck.random() < OVERLOADED_SHARE:
        raise ModelOverloadedError(f"{model} is overloaded, try again later")
    if luck.random() < SLOW_SHARE:
        time.sleep(SLOW_SECONDS)
    reply = _reply(messages)
    _report(model, temperature, len(prompt) // 4, len(reply["content"]) // 4)
    return reply


def _reply(messages: list[Message]) -> Message:
    last = messages[-1]
    if last["role"] == "tool":
        return {"role": "assistant", "content": f"Of course! {last['content']}"}
    question = last["content"].lower()
    tool = next((t for word, t in INTENTS.items() if word in question), "")
    if tool:
        return {"role": "assistant", "content": "", "tool": tool}
    context = messages[0]["content"].partition("Products: ")[2] or "nothing like that"
    return {"role": "assistant", "content": f"We have {context}"}


def _report(model: str, temperature: float, prompt: int, answer: int) -> None:
    """Put what was used on the span of this call."""
    span = spanframe.get_current_active_span()
    if span is None:
        return
    span.set_attribute("gen_ai.request.model", model)
    span.set_attribute("gen_ai.request.temperature", temperature)
    span.set_attribute("gen_ai.usage.input_tokens", prompt)
    span.set_attribute("gen_ai.usage.output_tokens", answer)
