"""gRPC's health service: open to everyone, and so cheap whatever it is sent.

Messages are asked for one after the other and are read here: gRPC's own servicer logs
what is not a message, tells its sender the text of an exception, and lets one watcher
that reads nothing hold up every change of the status.
"""

import asyncio
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from spanframe_collector.admission import Admission, BudgetSpentError
from spanframe_collector.ingest import RefusedError
from spanframe_collector.receivers.message_slots import MessageSlots
from spanframe_collector.receivers.responses import drop_traceback

__all__ = ["OPEN_METHODS", "Health"]

_SERVICE: Final = "grpc.health.v1.Health"

OPEN_METHODS: Final = frozenset({f"/{_SERVICE}/Check", f"/{_SERVICE}/Watch"})
"""The methods that need no token."""

_MAX_ARRIVAL_SECONDS: Final = 5.0
"""Maximum seconds for a message to arrive."""

_MAX_WATCHERS: Final = 200
"""Maximum calls of Watch at once."""


class Health:
    """The health service of one server."""

    def __init__(self, services: frozenset[str], max_message_bytes: int) -> None:
        """Report NOT_SERVING until `set` says otherwise.

        Args:
            services: names of the services that have the status, "" among them.
            max_message_bytes: maximum size of a message, in bytes.
        """
        self._services = services
        self._status = HealthCheckResponse.NOT_SERVING
        self._changed = asyncio.Event()
        self._ended = False
        self._watchers = 0
        # A budget of one message: 15 kB may inflate to the maximum size.
        self._slots = MessageSlots(Admission(0), max_message_bytes)
        check = grpc.stream_unary_rpc_method_handler(self._check)
        watch = grpc.stream_stream_rpc_method_handler(self._watch)
        self.handler = grpc.method_handlers_generic_handler(
            _SERVICE, {"Check": check, "Watch": watch}
        )
        """The handler that is added to the server."""

    def set(self, *, serving: bool) -> None:
        """Set the status, and tell the watchers."""
        if not self._ended:
            of = HealthCheckResponse
            self._status = of.SERVING if serving else of.NOT_SERVING
            self._changed.set()
            self._changed = asyncio.Event()

    def end(self) -> None:
        """Report NOT_SERVING from now on."""
        self.set(serving=False)
        self._ended = True

    async def _check(self, _: object, context: Any) -> bytes:
        service = await self._service(context)
        if service in self._services:
            return self._response(service)
        if service is not None:
            context.set_code(grpc.StatusCode.NOT_FOUND)
        return b""

    async def _watch(self, _: object, context: Any) -> None:
        service = await self._service(context)
        if service is None:
            return
        if self._watchers >= _MAX_WATCHERS:
            context.set_code(grpc.StatusCode.RESOURCE_EXHAUSTED)
            return
        self._watchers += 1
        try:
            said = b""
            while True:
                changed = self._changed
                response = self._response(service)
                if response != said:
                    await context.write(response)
                    said = response
                await changed.wait()
        finally:
            self._watchers -= 1

    def _response(self, service: str) -> bytes:
        is_known = service in self._services
        status = self._status if is_known else HealthCheckResponse.SERVICE_UNKNOWN
        return bytes(HealthCheckResponse(status=status).SerializeToString())

    async def _service(self, context: Any) -> str | None:
        """Return the service that a call asks for; None: the call is refused."""
        try:
            message = await self._slots.read(context, _MAX_ARRIVAL_SECONDS)
            return str(HealthCheckRequest.FromString(message).service)
        except DecodeError:
            context.set_code(grpc.StatusCode.INVALID_ARGUMENT)
        except (BudgetSpentError, RefusedError) as error:
            drop_traceback(error)
            context.set_code(grpc.StatusCode.UNAVAILABLE)
        return None
