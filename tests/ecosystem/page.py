"""Writes `docs/clients.md`: what is shown of each client's traces."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.ecosystem.clients import CLIENTS, Client
from tests.ecosystem.judged import ASPECTS, Verdict, judged, unsent
from tests.ecosystem.replay import Shown

__all__ = ["PAGE", "page"]

PAGE: Final = Path(__file__).parents[2] / "docs" / "clients.md"

_PAGE: Final = """\
# Clients

What a search shows of the traces that other libraries send. `make ecosystem` runs each
library against a fake of the model APIs, records what it sends, stores that, and writes
this page; the tests store the recordings again and fail when this page is not current.
The programs are in `tests/ecosystem/drivers/`, the versions in `tests/ecosystem/pins/`,
the expectations in `tests/ecosystem/expected/`.

| sign | meaning |
|---|---|
| ● | shown as expected |
| ◐ | shown for some of the recorded traces |
| ○ | sent and not shown yet |
| ∅ | not sent by this client |
| (empty) | not asked of this client |

| column | what is looked at |
|---|---|
| version | of the instrumentation, or of the library where it has its own |
| name | the name of the trace |
| request, response | the previews: the last question; the answer, or the tool's call |
| inputs, outputs, type, model, provider | of the spans that matter |
| tokens, cost | of spans, and summed on the trace; cached tokens where they are sent |
| session, user, tags, metadata | of the trace |
| status, error | the state of the trace; the message of a failure |
| documents | what a retriever found, a document each |
| calls | the tools that a model asks for, with their arguments |
| tree | the nesting of the spans |

{table}
The sign ● says that all that is sent is shown: where only some spans or traces of a
client have an aspect (a call that failed has no answer), no other is asked for it.

## Known gaps

{gaps}"""

_NO_GAP: Final = "None: what the recorded exports hold is shown.\n"
_SIGNS: Final = {frozenset({True}): "●", frozenset({False}): "○", frozenset(): ""}
_SOME: Final = "◐"
_UNSENT: Final = "∅"


def page(seen: Shown) -> str:
    """Return the text of the page."""
    verdicts = [(client, judged(client, seen[client.name])) for client in CLIENTS]
    return _PAGE.format(
        table="".join(_table(verdicts)), gaps="".join(_gaps(verdicts)) or _NO_GAP
    )


def _table(rows: Iterable[tuple[Client, Sequence[Verdict]]]) -> Iterator[str]:
    yield _row("client", "version", *ASPECTS)
    yield _row(*["---"] * (len(ASPECTS) + 2))
    for client, verdicts in rows:
        silent = unsent(client)
        signs = (
            _sign(aspect, verdicts) or (_UNSENT if aspect in silent else "")
            for aspect in ASPECTS
        )
        yield _row(client.title, client.version, *signs)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def _sign(aspect: str, verdicts: Iterable[Verdict]) -> str:
    held = frozenset(v.holds for v in verdicts if v.aspect == aspect)
    return _SIGNS.get(held, _SOME)


def _gaps(rows: Iterable[tuple[Client, Sequence[Verdict]]]) -> Iterator[str]:
    for client, verdicts in rows:
        missing = [v for v in verdicts if not v.holds]
        if missing:
            aspects = {v.aspect for v in missing}
            names = ", ".join(a for a in ASPECTS if a in aspects)
            yield f"- {client.title}: {names}\n"
