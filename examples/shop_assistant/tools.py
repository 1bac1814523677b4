"""The tools of the assistant: stock, shipping, payment."""

import random
import time

import spanframe
from catalogue import PRODUCTS

__all__ = ["PaymentDeclinedError", "check_stock", "quote_shipping", "take_payment"]

DECLINED_SHARE = 0.2


class PaymentDeclinedError(RuntimeError):
    """The bank said no."""


@spanframe.trace(span_type="TOOL")
def check_stock(sku: str) -> str:
    """Say how many are left."""
    time.sleep(0.002)
    product = PRODUCTS[sku]
    if product.stock == 0:
        return f"The {product.name} is sold out until next week."
    return f"There are {product.stock} of the {product.name} in stock."


@spanframe.trace(span_type="TOOL")
def quote_shipping(sku: str, country: str) -> str:
    """Say what delivery costs and how long it takes."""
    time.sleep(0.003)
    days, cost = (2, 4.9) if country == "DE" else (5, 12.5)
    name = PRODUCTS[sku].name
    return f"The {name} ships to {country} in {days} days for €{cost:.2f}."


@spanframe.trace(span_type="TOOL")
def take_payment(sku: str, payment_token: str) -> str:
    """Charge the customer's card by its token; the number never comes here.

    Raises:
        PaymentDeclinedError: the bank said no.
    """
    product = PRODUCTS[sku]
    with spanframe.start_span(name="bank", span_type="TASK") as span:
        span.set_inputs({"amount": product.price, "currency": "EUR"})
        luck = random.Random(f"{sku}:{payment_token}").random()
        time.sleep(0.02 + luck / 50)
        if luck < DECLINED_SHARE:
            raise PaymentDeclinedError(f"card {payment_token} declined")
        span.set_outputs({"approved": True})
    return f"The {product.name} is yours for €{product.price:.2f}."
