"""Customers and their conversations, the same in each run."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from assistant import Customer, Release

__all__ = ["Conversation", "conversations"]

CUSTOMERS = (
    Customer("alice@example.com", "DE", "premium"),
    Customer("bob@example.com", "DE", "free"),
    Customer("chen@example.com", "NL", "premium"),
    Customer("dana@example.com", "FR", "free"),
    Customer("emre@example.com", "DE", "free"),
    Customer("fatima@example.com", "BE", "premium"),
    Customer("goran@example.com", "AT", "free"),
    Customer("hana@example.com", "DE", "premium"),
)

RELEASES = (
    Release("1.9.0", "production", "camper-7b", rerank=False),
    Release("1.9.0", "production", "camper-7b", rerank=False),
    Release("2.0.0", "production", "camper-8b", rerank=False),
    Release("2.0.0", "production", "camper-8b", rerank=True),
    Release("2.0.0", "staging", "camper-8b", rerank=True),
)

QUESTIONS = (
    "Which tent is light enough for two people?",
    "Do you have a warm sleeping bag for winter?",
    "Is the winter sleeping bag in stock?",
    "What boots are waterproof?",
    "How long do you need to ship the backpack?",
    "Can you deliver the family tent by Friday?",
    "Is the gas stove available?",
    "I want to buy the head lamp, please.",
    "I would like to order the two-person tent.",
    "Please order the water filter for me.",
    "Do you sell bicycles?",
)


@dataclass(frozen=True)
class Conversation:
    """A customer's visit: a few questions in one session, on one release."""

    session: str
    customer: Customer
    release: Release
    questions: tuple[str, ...]


def conversations(requests: int) -> Iterator[Conversation]:
    """Yield conversations that hold ``requests`` questions in all."""
    luck = random.Random(2024)
    number = 0
    while requests > 0:
        number += 1
        customer = luck.choice(CUSTOMERS)
        count = min(requests, luck.randint(2, 5))
        yield Conversation(
            session=f"{customer.email.partition('@')[0]}-{number:03d}",
            customer=customer,
            release=luck.choice(RELEASES),
            questions=tuple(luck.sample(QUESTIONS, count)),
        )
        requests -= count
