"""Run the shop assistant: several customers at once, then stop.

    python examples/shop_assistant --requests 300

With ``--forever`` it runs until SIGTERM and then sends the spans that are left.
Spans go to ``SPANFRAME_ENDPOINT`` (default http://127.0.0.1:4317).
"""

import argparse
import signal
import sys
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
    arguments.add_argument("--forever", action="store_true")
    options = arguments.parse_args()

    # Python would end without a word, and with spans unsent; an exit sends them.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    spanframe.configure(service_name="shop-assistant", experiment="shop")
    serve(options.requests, options.workers)
    while options.forever:
        serve(options.requests, options.workers)
    spanframe.flush()


def serve(requests: int, workers: int) -> None:
    """Hold as many conversations as it takes for this many questions."""
    answered = 0
    with ThreadPoolExecutor(workers) as pool:
        held = [pool.submit(hold, c) for c in conversations(requests)]
        try:
            for conversation in as_completed(held):
                answered += conversation.result()
                print(f"answered {answered} of {requests}", flush=True)
        except SystemExit:
            pool.shutdown(cancel_futures=True)
            raise


if __name__ == "__main__":
    main()
