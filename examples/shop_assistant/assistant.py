"""The assistant: one call of `answer` is one trace."""

from dataclasses import dataclass

import spanframe
from catalogue import find_products
from model import Message, ModelOverloadedError, chat
from tools import check_stock, quote_shipping, take_payment

__all__ = ["Customer", "Release", "answer"]


@dataclass(frozen=True)
class Customer:
    """Who asks."""

    email: str
    country: str
    plan: str


@dataclass(frozen=True)
class Release:
    """What is running: one version of the app, somewhere, with its flags."""

    version: str
    environment: str
    model: str
    rerank: bool


@spanframe.trace(name="shop_assistant", span_type="AGENT")
def answer(question: str, customer: Customer, session: str, release: Release) -> str:
    """Answer one question of one customer.

    Raises:
        PaymentDeclinedError: the customer's bank said no.
        ModelOverloadedError: the model was overloaded twice in a row.
    """
    spanframe.update_current_trace(
        tags={
            "environment": release.environment,
            "app_version": release.version,
            "feature_flag.rerank": "on" if release.rerank else "off",
            "customer_plan": customer.plan,
        },
        metadata={"region": customer.country},
        session_id=session,
        user=customer.email,
    )
    products = find_products(question, rerank=release.rerank)
    names = "; ".join(product["page_content"] for product in products)
    messages = [
        {"role": "system", "content": f"You help in a camping shop. Products: {names}"},
        {"role": "user", "content": question},
    ]
    reply = _chat_with_one_retry(messages, release)
    if "tool" in reply and products:
        said = _use(reply["tool"], products[0]["metadata"]["sku"], customer)
        messages += [reply, {"role": "tool", "content": said}]
        reply = _chat_with_one_retry(messages, release)
    return reply["content"] or "Sorry, I know of nothing like that."


def _chat_with_one_retry(messages: list[Message], release: Release) -> Message:
    try:
        return chat(messages, release.model)
    except ModelOverloadedError:
        return chat(messages, release.model, temperature=0.1)


def _use(tool: str, sku: str, customer: Customer) -> str:
    if tool == "check_stock":
        return check_stock(sku)
    if tool == "quote_shipping":
        return quote_shipping(sku, customer.country)
    return take_payment(sku, payment_token=f"tok_{customer.email.partition('@')[0]}")
