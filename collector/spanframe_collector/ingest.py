"""One export request, whatever its transport: admit, decode, commit, count."""

import asyncio
import contextlib
import enum
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from spanframe import keys
from spanframe_collector.admission import Admission, BudgetSpentError, Room
from spanframe_collector.commit_queue import CommitQueue
from spanframe_collector.decoders import Decoders
from spanframe_collector.forwarding import Forwarder
from spanframe_collector.masking import Masker
from spanframe_collector.otlp_json import Translated
from spanframe_collector.telemetry import Telemetry
from spanframe_store.contract.errors import StoreUnavailableError
from spanframe_store.contract.spans import Fact, Rejected, Source, SpanRow
from spanframe_store.otlp import EnvelopeError, TooManyPartsError, decode_request
from spanframe_store.otlp.envelope import MAX_PARTS

__all__ = ["Consumed", "Ingest", "Refusal", "RefusedError"]

_log: Final = logging.getLogger(__name__)

_LONGEST_WAIT_SECONDS: Final = 4.5
"""No sender waits longer than 5 s, way back included: a stuck store costs it one retry
and not its whole budget."""

_LEAST_WAIT_SECONDS: Final = 1.0

_MARGIN_SECONDS: Final = 0.5
"""What a sender needs of its deadline to read our answer."""


class Refusal(enum.Enum):
    """Why a request is not taken, with the sentence its sender reads."""

    UNDECODABLE = "The request is not an OTLP ExportTraceServiceRequest."
    TOO_LARGE = (
        "The request is larger, or holds more spans or attributes, than this "
        "collector takes; send smaller batches."
    )
    INCOMPLETE = "The request did not arrive whole in time; send it again."
    BUSY = "The collector has no room for more requests now; send it again."
    STORE = "The store does not take spans now; send it again."
    LATE = "The store did not take the spans in time; send them again."
    FAULT = "The collector failed; send it again."

    @property
    def is_transient(self) -> bool:
        """Whether sending the same again may succeed."""
        return self not in {Refusal.UNDECODABLE, Refusal.TOO_LARGE}


class RefusedError(Exception):
    """A request that is not taken."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


class Consumed(NamedTuple):
    """A request whose spans are committed, but for those that can never be stored."""

    rejected: list[Rejected]
    warning: str = ""


class _Decoded(NamedTuple):
    """A request on its way to the pipeline.

    ``request`` is what is to be passed on: who passes nothing on keeps no second copy.
    """

    request: bytes
    parts: list[Sequence[SpanRow]]
    rejected: list[Rejected]
    warning: str


Translator = Callable[[bytes], Translated]
"""What makes the protobuf encoding of a request in another one; runs in a thread."""


class Ingest:
    """What every receiver hands its requests to."""

    def __init__(
        self,
        pipeline: CommitQueue,
        admission: Admission,
        telemetry: Telemetry,
        decoders: Decoders,
        masker: Masker | None = None,
        forwarder: Forwarder | None = None,
        *,
        max_request_spans: int = MAX_PARTS,
    ) -> None:
        """Put the parts together.

        Args:
            pipeline: commits.
            admission: counts bytes.
            telemetry: counts everything else.
            decoders: the threads for that.
            masker: masks before anything is decoded; None: masks nothing.
            forwarder: passes on; None: passes nothing on.
            max_request_spans: spans of one request, its resources and scopes counted.
        """
        self._pipeline = pipeline
        self.admission = admission
        """What there is room for, for receivers that have to plan ahead."""
        self._telemetry = telemetry
        self._decoders = decoders
        self._masker = masker
        self._forwarder = forwarder
        self._max_request_spans = max_request_spans
        self._last_request = time.monotonic()

    @contextlib.contextmanager
    def admit(self) -> Iterator[Room]:
        """Hold room for one request while it arrives and is worked on; count it.

        Raises:
            RefusedError: when there is no more room, or the store is down.
        """
        self._last_request = time.monotonic()
        try:
            self._check_store()
            with self.admission.room() as room:
                yield room
        except BudgetSpentError:
            self._telemetry.request("busy")
            raise RefusedError(Refusal.BUSY) from None
        except RefusedError as error:
            self._telemetry.request(error.refusal.name.lower())
            raise
        except asyncio.CancelledError:
            self._telemetry.request("sender_gone")
            raise
        except Exception:  # noqa: BLE001 - logged here, answered by the receiver
            # The sender keeps its spans, and is told nothing of our faults.
            _log.exception("A request failed")
            self._telemetry.request("fault")
            raise RefusedError(Refusal.FAULT) from None
        self._telemetry.request("ok")

    def _check_store(self) -> None:
        """Refuse at once while the store is down, so that nothing piles up.

        The pipeline asks the store itself until it is back.
        """
        if self._pipeline.health.is_down:
            raise RefusedError(Refusal.STORE)

    @property
    def quiet_seconds(self) -> float:
        """How long ago the last request came."""
        return time.monotonic() - self._last_request

    async def take(
        self,
        request: bytes,
        headers: Mapping[str, str],
        seconds: float | None,
        translator: Translator | None = None,
        waited: float = 0.0,
    ) -> Consumed:
        """Return after the spans of an admitted request are committed.

        Args:
            request: an ExportTraceServiceRequest, uncompressed protobuf, or what the
                translator makes one of.
            headers: the request's metadata, keys in lower case.
            seconds: what is left of the sender's deadline; None: it set none.
            translator: for a request in another encoding.
            waited: how long the sender has waited already, in seconds.

        Raises:
            RefusedError: when it cannot be taken, with the reason.
        """
        begun = time.monotonic()
        decoding = self._decoders.run(
            len(request),
            partial(self._decode, request, _facts(headers), translator),
        )
        patience = _patience(seconds, waited)
        try:
            request, parts, rejected, warning = await asyncio.wait_for(
                decoding, patience
            )
        except TooManyPartsError:
            raise RefusedError(Refusal.TOO_LARGE) from None
        except EnvelopeError:
            raise RefusedError(Refusal.UNDECODABLE) from None
        except TimeoutError:
            raise RefusedError(Refusal.BUSY) from None
        spans = sum(map(len, parts))
        self._telemetry.decode_seconds.observe(time.monotonic() - begun)
        self._telemetry.decoded(spans + sum(r.spans for r in rejected), rejected)
        if not spans:
            return Consumed(rejected, warning)
        try:
            left = max(0.0, patience - (time.monotonic() - begun))
            committed = await asyncio.wait_for(self._pipeline.commit(parts), left)
        except StoreUnavailableError:
            self._telemetry.refuse("store_unavailable", spans)
            raise RefusedError(Refusal.STORE) from None
        except TimeoutError:
            self._telemetry.refuse("store_late", spans)
            raise RefusedError(Refusal.LATE) from None
        except asyncio.CancelledError:
            # Nobody waits for the answer any more; the spans are counted all the same.
            self._telemetry.refuse("sender_gone", spans)
            raise
        self._telemetry.commit(committed.stored, committed.duplicates)
        if self._forwarder is not None:
            self._forwarder.offer(request)
        if not committed.refused:
            return Consumed(rejected, warning)
        refused_by_store = Rejected("refused_by_store", committed.refused)
        self._telemetry.reject([refused_by_store])
        return Consumed([*rejected, refused_by_store], warning)

    def _decode(
        self, request: bytes, facts: tuple[Fact, ...], translator: Translator | None
    ) -> _Decoded:
        """Translate, mask and decode."""
        unreadable: list[Rejected] = []
        warning = ""
        if translator is not None:
            request, unreadable, warning = translator(request)
        if self._masker is not None:
            request = self._masker.request(request)
        rows, rejected = decode_request(request, facts, self._max_request_spans)
        return _Decoded(
            b"" if self._forwarder is None else request,
            self._pipeline.prepared(rows),
            [*unreadable, *rejected],
            warning,
        )


def _patience(seconds: float | None, waited: float) -> float:
    """Return how long to wait for a commit, of what is left of a sender's deadline.

    A short deadline is shared: the margin alone would leave nothing of it. What took
    long to arrive is given a chance, too.
    """
    longest = max(_LEAST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS - waited)
    if seconds is None:
        return longest
    return min(longest, max(seconds - _MARGIN_SECONDS, seconds / 2))


def _facts(headers: Mapping[str, str]) -> tuple[Fact, ...]:
    """Return what the headers say of the traces of a request."""
    experiment_id = headers.get(keys.MLFLOW_EXPERIMENT_HEADER)
    if experiment_id is None:
        return ()
    return (Fact("experiment_id", Source.RESOURCE, experiment_id),)
