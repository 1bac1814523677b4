"""OTLP over gRPC, for the exporter; importing it loads gRPC."""

from pathlib import Path
from typing import Final

import grpc

from spanframe._destination import Destination, Proxy
from spanframe._otlp_client import (
    CHANNEL_OPTIONS,
    EXPORT_METHOD,
    WITHOUT_PROXY,
    Refusal,
    error_text,
    is_retryable,
    requested_delay_s,
    target_of,
)
from spanframe.settings import ClientSettings

__all__ = ["GrpcTransport"]

_OTHER_PROTOCOL: Final = "http1.x"
"""Part of gRPC's words for a server that answers in HTTP/1.1."""

# Connections of a parent process. gRPC closes a connection when its object is deleted,
# which would wait for threads that a forked child does not have.
_inherited: Final[list[object]] = []


class GrpcTransport:
    """Sends requests to one endpoint.

    Args:
        destination: the endpoint.
        settings: credentials, compression and the timeout.
        headers: metadata of every request.
        proxy: the proxy to use, None for none.
    """

    def __init__(
        self,
        destination: Destination,
        settings: ClientSettings,
        headers: dict[str, str],
        proxy: Proxy | None,
    ) -> None:
        self._timeout_s = settings.export_timeout
        self._metadata = tuple(
            (name, value.encode() if name.endswith("-bin") else value)
            for name, value in headers.items()
        )
        self._channel = _channel(destination, settings, proxy)

    def send(self, request: bytes) -> bytes | Refusal:
        """Send one request and return the response, or why there is none."""
        call = self._channel.unary_unary(EXPORT_METHOD)
        try:
            response: bytes = call(
                request, timeout=self._timeout_s, metadata=self._metadata
            )
        except grpc.RpcError as error:
            code: str = error.code().name
            asked = requested_delay_s(error.trailing_metadata())
            return Refusal(
                error_text(code, error.details()),
                is_retryable=is_retryable(code, asked),
                delay_s=asked,
                is_timeout=code == "DEADLINE_EXCEEDED",
                is_too_large=code == "RESOURCE_EXHAUSTED",
                is_unauthenticated=code == "UNAUTHENTICATED",
                is_other_protocol=_OTHER_PROTOCOL in (error.details() or ""),
            )
        except ValueError as error:  # a closed channel, or metadata of another kind
            return Refusal(str(error))
        return response

    def close(self) -> None:
        """Close the connection; a request on its way ends."""
        self._channel.close()

    def after_fork(self) -> None:
        """Leave the connection to the parent: it must not be closed here."""
        _inherited.append(self._channel)


def _channel(
    destination: Destination, settings: ClientSettings, proxy: Proxy | None
) -> grpc.Channel:
    compression = (
        grpc.Compression.Gzip
        if settings.compression == "gzip"
        else grpc.Compression.NoCompression
    )
    by_proxy: tuple[tuple[str, object], ...] = (WITHOUT_PROXY,)
    if proxy is not None:
        by_proxy = (("grpc.http_proxy", proxy.url),)
    options = CHANNEL_OPTIONS + by_proxy
    address, encrypted = target_of(destination.url)
    if not encrypted:
        return grpc.insecure_channel(address, options, compression)
    credentials = grpc.ssl_channel_credentials(
        _file(settings.certificate),
        _file(settings.client_key),
        _file(settings.client_certificate),
    )
    return grpc.secure_channel(address, credentials, options, compression)


def _file(name: str) -> bytes | None:
    return Path(name).read_bytes() if name else None
