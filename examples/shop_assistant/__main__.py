"""Run the shop assistant: several customers at once, then stop.

    python examples/shop_assistant --requests 300

Spans go to ``SPANFRAME_ENDPOINT`` (default http://127.0.0.1:4317).
"""

import argparse
from concurrent.futures import ThreadPoolExecutor, as_completed

import spanframe
from assistant import answer
from model import ModelOverloadedError
from tools import PaymentDeclinedError
from traffic import Conversation, conversations


def hold(conversation: Conversation) -> int:
    """Hold one conversation and return how many questions it had."""
    for question in conversation.questions:
        try:
            answer(
                question,
                conversation.customer,
                conversation.session,
                conversation.release,
            )
        except (PaymentDeclinedError, ModelOverloadedError):
            continue  # the trace tells; the customer asks the next question
    return len(conversation.questions)


def main() -> None:
    """Read the arguments, hold the conversations, send the last spans."""
    arguments = argparse.ArgumentParser(description="A small shop assistant, traced.")
    arguments.add_argument("--requests", type=int, default=300)
    arguments.add_argument("--workers", type=int, default=8)
    options = arguments.parse_args()

    spanframe.configure(service_name="shop-assistant", experiment="shop")
    answered = 0
    with ThreadPoolExecutor(options.workers) as pool:
        held = [pool.submit(hold, c) for c in conversations(options.requests)]
        for conversation in as_completed(held):
            answered += conversation.result()
            print(f"answered {answered} of {options.requests}", flush=True)
    spanframe.flush()


if __name__ == "__main__":
    main()
