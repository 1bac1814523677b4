"""Does the drills and compares what they find with what is promised.

    python -m tests.drills [--short] [NAME …]

The table goes to standard output, and the exit code is 1 when a promise is broken.
"""

import argparse
import signal
import sys
from typing import Any, Final

from benchmarks.report import machine
from tests.drills.catalogue import DRILLS
from tests.drills.promises import Outcome, Scale, perform, table

MAX_DRILL_SECONDS: Final = 600
"""Maximum seconds of one drill; it counts as broken then."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="as little as CI does")
    parser.add_argument("names", nargs="*", metavar="NAME", help="drills to do")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in DRILLS]
    if unknown:
        known = ", ".join(DRILLS)
        parser.error(f"no drill {unknown[0]!r}; the drills are {known}")
    signal.signal(signal.SIGALRM, _too_long)
    outcomes = []
    for name in options.names or DRILLS:
        signal.alarm(MAX_DRILL_SECONDS)
        scale = Scale.SHORT if options.short else Scale.FULL
        outcome = perform(DRILLS[name], scale)
        signal.alarm(0)
        outcomes.append(outcome)
        print(f"{name}: {_summary(outcome)} ({outcome.seconds:.0f} s)", flush=True)
    print("\n" + "\n".join([*machine(), "", *table(outcomes)]))
    broken = [line for outcome in outcomes for line in outcome.broken()]
    print("\n" + "\n".join(["BROKEN:", *broken] if broken else ["All promises hold."]))
    return bool(broken)


def _summary(outcome: Outcome) -> str:
    return "; ".join(outcome.broken()) or outcome.skipped or "kept"


def _too_long(*_: Any) -> None:
    raise TimeoutError(f"the drill took more than {MAX_DRILL_SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())
