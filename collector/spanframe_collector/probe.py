"""Asks a running collector whether spans can be stored now.

``spanframe collector --check`` reads the same settings as the collector, so that the
health command of a container needs no settings of its own.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from spanframe._otlp_client import WITHOUT_PROXY
from spanframe.errors import StoreError
from spanframe_collector.settings import CollectorSettings
from spanframe_serving.addresses import Address

__all__ = ["check_health"]

_MAX_SECONDS: Final = 3.0
"""Maximum seconds for each listener; with the start of Python less than 10 s in all."""

_HTTP_OK: Final = 200


def check_health(settings: CollectorSettings) -> list[str]:
    """Check that all listeners are ready, and return their addresses.

    Where client certificates are required, the collector's own certificate is shown;
    ``tls_client_ca`` has to accept it.

    Raises:
        StoreError: when a listener cannot be reached or is not ready.
    """
    asked = [settings.grpc]
    _ask("gRPC", settings.grpc, _grpc_problem(settings.grpc, settings))
    if settings.http is not None:
        asked.append(settings.http)
        _ask("HTTP", settings.http, _http_problem(settings.http, settings))
    return [str(address) for address in asked]


def _ask(protocol: str, address: Address, problem: str) -> None:
    if problem:
        raise StoreError(f"Not ready: {protocol} on {address}: {problem}")


def _grpc_problem(address: Address, settings: CollectorSettings) -> str:
    options: list[tuple[str, object]] = [WITHOUT_PROXY]
    try:
        if settings.tls_cert:
            name = _certified(address, settings)
            options.append(("grpc.ssl_target_name_override", name))
            channel = grpc.secure_channel(
                _target(address), _credentials(settings), options
            )
        else:
            channel = grpc.insecure_channel(_target(address), options)
        with channel:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=_MAX_SECONDS
            )
    except grpc.RpcError as error:
        return f"{error.code().name}: {error.details()}"
    except OSError as error:
        return str(error)
    if answer.status == health_pb2.HealthCheckResponse.SERVING:
        return ""
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def _http_problem(address: Address, settings: CollectorSettings) -> str:
    try:
        with _connected(address, settings) as stream:
            # The client uses this connection and does not make its own.
            client = http.client.HTTPConnection("localhost")
            client.sock = stream
            client.request("GET", "/readyz", headers={"connection": "close"})
            answer = client.getresponse()
            text = answer.read(1000).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    return "" if answer.status == _HTTP_OK else f"{answer.status} {text}"


@contextlib.contextmanager
def _connected(
    address: Address, settings: CollectorSettings
) -> Iterator[socket.socket]:
    """Connect to a listener, with TLS when the settings say so."""
    with contextlib.ExitStack() as stack:
        path = address.host.removeprefix("unix:")
        if path != address.host:
            plain = stack.enter_context(socket.socket(socket.AF_UNIX))
            plain.settimeout(_MAX_SECONDS)
            plain.connect(path)
        else:
            plain = stack.enter_context(
                socket.create_connection(
                    (_reachable(address), address.port), _MAX_SECONDS
                )
            )
        if not settings.tls_cert:
            yield plain
            return
        yield stack.enter_context(_trust(settings).wrap_socket(plain))


def _trust(settings: CollectorSettings) -> ssl.SSLContext:
    """Return a context that trusts the collector's own certificate, for any name."""
    context = ssl.create_default_context(cafile=settings.tls_cert)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False
    if settings.tls_client_ca:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    return context


def _credentials(settings: CollectorSettings) -> grpc.ChannelCredentials:
    certificate = Path(settings.tls_cert).read_bytes()
    if not settings.tls_client_ca:
        return grpc.ssl_channel_credentials(certificate)
    key = Path(settings.tls_key).read_bytes()
    return grpc.ssl_channel_credentials(certificate, key, certificate)


def _certified(address: Address, settings: CollectorSettings) -> str:
    """Return a name of the listener's certificate, which gRPC has to be told."""
    with _connected(address, settings) as stream:
        certificate = stream.getpeercert() if isinstance(stream, ssl.SSLSocket) else {}
    # Pairs of a kind (DNS, IP Address) and a name.
    names: Any = (certificate or {}).get("subjectAltName", ())
    first: str = names[0][1] if names else ""
    return first.replace("*", "collector")


def _target(address: Address) -> str:
    return str(address._replace(host=_reachable(address)))


def _reachable(address: Address) -> str:
    """Return the host, or the loopback address for 0.0.0.0 and ::."""
    try:
        host = ipaddress.ip_address(address.host)
    except ValueError:
        return address.host
    if not host.is_unspecified:
        return address.host
    return "127.0.0.1" if host.version == 4 else "::1"  # noqa: PLR2004
