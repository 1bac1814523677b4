"""Where export requests go: which protocol, which URL, through which proxy."""

from typing import Final, NamedTuple
from urllib.parse import urlsplit

from spanframe._guard import warn
from spanframe._urls import is_loopback
from spanframe.settings import ClientSettings, redact_url

__all__ = ["Destination", "Proxy", "destination", "proxy_of"]

_HTTP_PORT: Final = 4318
_REGISTERED_PORTS: Final = frozenset({4317, _HTTP_PORT})
_PATH: Final = "/v1/traces"
_WHOLE_URL: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


class Destination(NamedTuple):
    """The URL of export requests.

    Attributes:
        url: the endpoint of gRPC, or the whole URL of OTLP over HTTP.
        over_http: whether requests are sent over HTTP.
    """

    url: str
    over_http: bool

    @property
    def shown(self) -> str:
        """The URL for messages, without a password."""
        return redact_url(self.url)


class Proxy(NamedTuple):
    """A proxy, and the variable that names it."""

    variable: str
    url: str


def destination(settings: ClientSettings) -> Destination:
    """Return where export requests go, as OpenTelemetry's specification says.

    Over HTTP, the path ``/v1/traces`` is added to the endpoint, but not to the one that
    is for traces alone.
    """
    endpoint = settings.endpoint
    if endpoint.startswith("unix:") or not _is_over_http(settings):
        return Destination(endpoint, over_http=False)
    if "endpoint" not in settings.origins:
        endpoint = f"http://127.0.0.1:{_HTTP_PORT}"
    parts = urlsplit(endpoint)
    path = parts.path.rstrip("/")
    whole = settings.origins.get("endpoint") == _WHOLE_URL and path
    if not whole and not path.endswith(_PATH):
        parts = parts._replace(path=path + _PATH)
    return Destination(parts.geturl(), over_http=True)


def _is_over_http(settings: ClientSettings) -> bool:
    parts = urlsplit(settings.endpoint)
    # A standard protocol beside our own endpoint may be that of another program: the
    # ports that are registered for gRPC and HTTP say it better.
    own = not _is_standard(settings.origins.get("endpoint", "OTEL_"))
    shared = _is_standard(settings.origins.get("protocol", ""))
    if settings.protocol and not (own and shared and parts.port in _REGISTERED_PORTS):
        return settings.protocol == "http/protobuf"
    return parts.port == _HTTP_PORT or parts.path.rstrip("/").endswith(_PATH)


def _is_standard(origin: str) -> bool:
    return origin.startswith("OTEL_")


def proxy_of(destination: Destination) -> Proxy | None:
    """Return the proxy that the environment names for a destination.

    A connection to this machine is never sent through one.
    """
    from urllib.request import (  # noqa: PLC0415 - loads the HTTP client
        getproxies_environment,
        proxy_bypass,
    )

    parts = urlsplit(destination.url)
    host = parts.hostname or ""
    if not host or is_loopback(host):
        return None
    proxies: dict[str, str] = getproxies_environment()
    if proxy_bypass(host):
        return None
    # gRPC looks at its own variable first, and opens a tunnel for http:// as well.
    schemes = (parts.scheme,) if destination.over_http else ("grpc", "https", "http")
    for scheme in (*schemes, "all"):
        url = proxies.get(scheme, "")
        if url.startswith("http://") or (url and "://" not in url):
            return Proxy(f"{scheme}_proxy", f"http://{url.removeprefix('http://')}")
        if url:
            warn(
                "The proxy that %s names is not used for spans: its URL does not begin "
                "with http://.",
                f"{scheme}_proxy",
            )
    return None
