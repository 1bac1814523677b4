"""Consumes one export request of any receiver: admit, decode, commit, count."""

import asyncio
import contextlib
import enum
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from spanframe import keys
from spanframe_collector.admission import Admission, BudgetSpentError, Reservation
from spanframe_collector.commit_queue import CommitQueue
from spanframe_collector.decoders import Decoders
from spanframe_collector.forwarding import Forwarder
from spanframe_collector.log_events import Joined, LogEvents
from spanframe_collector.masking import Masker
from spanframe_collector.otlp_json import (
    MAX_OBJECTS,
    MAX_VALUES,
    OtherSignalError,
    TooManyObjectsError,
    Translated,
)
from spanframe_collector.telemetry import Telemetry
from spanframe_store.contract.errors import StoreUnavailableError
from spanframe_store.contract.spans import Fact, Rejected, Source, SpanRow
from spanframe_store.otlp import (
    EnvelopeError,
    TooManyPartsError,
    TooManyValuesError,
    decode_request,
)
from spanframe_store.otlp.envelope import MAX_PARTS, walk
from spanframe_store.otlp.request import MAX_REQUEST_VALUES

__all__ = ["Consumed", "Ingest", "Refusal", "RefusedError", "Signal"]

_log: Final = logging.getLogger(__name__)

_MAX_WAIT_SECONDS: Final = 4.5
"""Maximum seconds from a request to its response. With the way back a sender waits at
most 5 s: a stuck store costs it one retry, and not all the time that it has."""

_MIN_WAIT_SECONDS: Final = 1.0
"""Minimum seconds for decoding and committing a request that took long to arrive."""

_RESPONSE_SECONDS: Final = 0.5
"""Seconds of a sender's deadline that are kept for the response to reach it."""


class Refusal(enum.Enum):
    """The reason for refusing a request, with the sentence that its sender reads."""

    UNDECODABLE = "The request is not an OTLP ExportTraceServiceRequest."
    OTHER_SIGNAL = (
        "The request holds logs, metrics or profiles, and no spans; only spans are "
        "taken here."
    )
    TOO_LARGE = (
        "The request has more bytes than SPANFRAME_MAX_REQUEST_BYTES, or in JSON "
        "SPANFRAME_MAX_JSON_BYTES, allows; send smaller batches."
    )
    TOO_MANY_SPANS = (
        "The request has more spans, resources and scopes than "
        "SPANFRAME_MAX_REQUEST_SPANS allows; send smaller batches."
    )
    TOO_MANY_VALUES = (
        f"The request has more than {MAX_REQUEST_VALUES} values of attributes; send "
        "smaller batches."
    )
    TOO_MANY_OBJECTS = (
        f"The request has more than {MAX_OBJECTS} objects and arrays, or {MAX_VALUES} "
        "values, of JSON; send smaller batches, or protobuf."
    )
    INCOMPLETE = "The request did not arrive whole in time; send it again."
    BUSY = "The collector has no room for more requests now; send it again."
    STORE = "The store does not take spans now; send it again."
    LATE = "The store did not take the spans in time; send them again."
    FAULT = "The collector failed; send it again."

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed when it is sent again."""
        lasting = self in {Refusal.UNDECODABLE, Refusal.OTHER_SIGNAL}
        return not lasting and not self.is_of_size

    @property
    def is_of_size(self) -> bool:
        """Whether the request is more than a limit allows."""
        return self.name.startswith("TOO_")


_LASTING: Final[dict[type[EnvelopeError], Refusal]] = {
    OtherSignalError: Refusal.OTHER_SIGNAL,
    TooManyObjectsError: Refusal.TOO_MANY_OBJECTS,
    TooManyPartsError: Refusal.TOO_MANY_SPANS,
    TooManyValuesError: Refusal.TOO_MANY_VALUES,
}
"""Refusals of what cannot be read; any other error of the envelope: `UNDECODABLE`."""


class RefusedError(Exception):
    """A request is refused."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


class Signal(enum.Enum):
    """The signals of OpenTelemetry, by the path that OTLP over HTTP sends them to.

    Only spans are stored. The others are accepted, so that no app logs an error, and
    dropped, but for GenAI events, which are joined to their spans.
    """

    TRACES = "/v1/traces"
    LOGS = "/v1/logs"
    METRICS = "/v1/metrics"


class Consumed(NamedTuple):
    """The result of a request whose spans are committed.

    ``rejected`` are those of its spans that can never be stored.
    """

    rejected: list[Rejected]
    warning: str = ""


class _Decoded(NamedTuple):
    """A decoded request.

    ``request`` is what is forwarded; empty without forwarding, as a second copy would
    only take memory.
    """

    request: bytes
    parts: list[Sequence[SpanRow]]
    rejected: list[Rejected]
    warning: str


Translator = Callable[[bytes], Translated]
"""Translates a request in another encoding to protobuf; called in a thread."""


class Ingest:
    """Consumes the requests of all receivers."""

    def __init__(
        self,
        commit_queue: CommitQueue,
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
            commit_queue: commits the spans.
            admission: the byte budget of requests in flight.
            telemetry: counts requests and spans.
            decoders: the threads that decode.
            masker: masks a request before it is decoded; None: nothing is masked.
            forwarder: forwards what is committed; None: nothing is forwarded.
            max_request_spans: maximum spans of one request, its resources and scopes
                included.
        """
        self._commit_queue = commit_queue
        self.admission = admission
        """The byte budget, for receivers that have to plan ahead."""
        self._telemetry = telemetry
        self._decoders = decoders
        self._masker = masker
        self._forwarder = forwarder
        self._max_request_spans = max_request_spans
        self._log_events = LogEvents()
        self._last_request = time.monotonic()

    def deny(self, *, has_token: bool) -> None:
        """Count and log a request whose token is missing or wrong."""
        self._telemetry.request("denied")
        _log.warning(
            "A request was denied: it has %s (set SPANFRAME_TOKEN at the sender to a "
            "token of this collector)",
            "a wrong token" if has_token else "no token",
        )

    def misdirect(self) -> None:
        """Count and log a sender that speaks gRPC to the port of HTTP."""
        self._telemetry.request("wrong_port")
        _log.warning(
            "A sender speaks gRPC to the port of OTLP over HTTP and is refused: set "
            "its endpoint to the port of gRPC, or its protocol to http/protobuf"
        )

    @contextlib.contextmanager
    def admit(self) -> Iterator[Reservation]:
        """Admit one request, hold its reservation until it is consumed, and count it.

        Raises:
            RefusedError: when the budget is spent or the store is down, and whatever
                the block fails with.
        """
        self._last_request = time.monotonic()
        try:
            self._check_store()
            with self.admission.reserve() as reservation:
                yield reservation
        except BudgetSpentError:
            self._telemetry.request("busy")
            raise RefusedError(Refusal.BUSY) from None
        except RefusedError as error:
            self._telemetry.request(error.refusal.name.lower())
            raise
        except asyncio.CancelledError:
            self._telemetry.request("sender_gone")
            raise
        except Exception:  # noqa: BLE001 - the receiver responds
            # The sender keeps its spans, and is not shown the traceback.
            _log.exception(
                "A request failed by a fault of spanframe (please report it); its "
                "sender is told to send it again"
            )
            self._telemetry.request("fault")
            raise RefusedError(Refusal.FAULT) from None
        self._telemetry.request("ok")

    def _check_store(self) -> None:
        """Refuse at once while the store is down, so that requests do not pile up.

        The commit queue probes the store until it takes spans again.
        """
        if self._commit_queue.health.is_down:
            raise RefusedError(Refusal.STORE)

    @property
    def quiet_seconds(self) -> float:
        """Seconds since the last request came."""
        return time.monotonic() - self._last_request

    async def consume(
        self,
        request: bytes,
        headers: Mapping[str, str],
        seconds: float | None,
        translator: Translator | None = None,
        waited: float = 0.0,
        signal: Signal = Signal.TRACES,
    ) -> Consumed:
        """Commit the spans of an admitted request, then return.

        Args:
            request: an ExportTraceServiceRequest, uncompressed, in protobuf or in the
                encoding that the translator reads.
            headers: the request's metadata, keys in lower case.
            seconds: seconds left of the sender's deadline; None: it set none.
            translator: translates a request in another encoding.
            waited: seconds that the sender has waited already.
            signal: the signal of the request.

        Raises:
            RefusedError: when the request is refused, with the reason.
        """
        begun = time.monotonic()
        decoding = self._decoders.run(
            len(request),
            partial(self._decode, request, _facts(headers), translator, signal),
        )
        wait_seconds = _wait_seconds(seconds, waited)
        try:
            request, parts, rejected, warning = await asyncio.wait_for(
                decoding, wait_seconds
            )
        except EnvelopeError as error:
            refusal = _LASTING.get(type(error), Refusal.UNDECODABLE)
            raise RefusedError(refusal) from None
        except TimeoutError:
            raise RefusedError(Refusal.BUSY) from None
        spans = sum(map(len, parts))
        self._telemetry.decode_seconds.observe(time.monotonic() - begun)
        self._telemetry.decoded(spans + sum(r.spans for r in rejected), rejected)
        if not spans:
            return Consumed(rejected, warning)
        try:
            left = max(0.0, wait_seconds - (time.monotonic() - begun))
            committed = await asyncio.wait_for(self._commit_queue.commit(parts), left)
        except StoreUnavailableError:
            self._telemetry.refuse("store_unavailable", spans)
            raise RefusedError(Refusal.STORE) from None
        except TimeoutError:
            self._telemetry.refuse("store_late", spans)
            raise RefusedError(Refusal.LATE) from None
        except asyncio.CancelledError:
            # The sender is gone; its spans are counted all the same.
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
        self,
        request: bytes,
        facts: tuple[Fact, ...],
        translator: Translator | None,
        signal: Signal,
    ) -> _Decoded:
        """Translate, mask and decode."""
        unreadable: list[Rejected] = []
        warning = ""
        if translator is not None:
            request, unreadable, warning = translator(request)
        if signal is not Signal.TRACES:
            request, joined, dropped = self._of_other_signal(request, signal)
            self._telemetry.other_signal(signal.name.lower(), joined, dropped)
        if self._masker is not None:
            request = self._masker.request(request)
        rows, rejected, why = decode_request(request, facts, self._max_request_spans)
        for index, joined_request in self._log_events.requests_of(rows).items():
            if self._masker is not None:
                joined_request = self._masker.request(joined_request)  # noqa: PLW2901
            # With its events a span may be too large; then it is stored without.
            rows[index : index + 1] = (
                decode_request(joined_request, facts).rows or rows[index : index + 1]
            )
        return _Decoded(
            b"" if self._forwarder is None else request,
            self._commit_queue.pack(rows),
            [*unreadable, *rejected],
            " ".join(filter(None, (warning, why))),
        )

    def _of_other_signal(self, request: bytes, signal: Signal) -> Joined:
        """Return what is stored of a request that holds no spans."""
        if signal is Signal.LOGS:
            return self._log_events.take(request)
        return Joined(b"", 0, sum(len(scope.spans) for scope in walk(request)))


def _wait_seconds(seconds: float | None, waited: float) -> float:
    """Return how long to wait for the commit, given what is left of the deadline.

    Of a short deadline half is kept for the response. A request that took long to
    arrive gets a minimum of time.
    """
    longest = max(_MIN_WAIT_SECONDS, _MAX_WAIT_SECONDS - waited)
    if seconds is None:
        return longest
    return min(longest, max(seconds - _RESPONSE_SECONDS, seconds / 2))


def _facts(headers: Mapping[str, str]) -> tuple[Fact, ...]:
    """Return the facts that the headers of a request state about its traces."""
    return tuple(
        Fact(field, Source.RESOURCE, headers[header])
        for header, field in _FACTS_OF_HEADERS.items()
        if headers.get(header)
    )


_FACTS_OF_HEADERS: Final = {
    keys.MLFLOW_EXPERIMENT_HEADER: "experiment_id",
    keys.MLFLOW_RUN_HEADER: f"metadata.{keys.META_SOURCE_RUN}",
}
