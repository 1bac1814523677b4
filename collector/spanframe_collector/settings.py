"""Settings of the collector."""

import dataclasses
import re
from typing import ClassVar, Final

from spanframe.errors import SettingsError
from spanframe.settings import (
    SettingsBase,
    boolean,
    endpoint,
    file_or_off,
    key_patterns,
    one_of,
    setting,
    store_url,
    whole_number,
)
from spanframe_serving.addresses import Address, address, optional_address
from spanframe_store.contract.store import MAX_TRACE_ENTRIES

__all__ = ["SIZE_UNITS", "CollectorSettings", "age_ms"]


_AGE_UNITS_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000}
SIZE_UNITS: Final = {"MB": 10**6, "GB": 10**9, "TB": 10**12}


def age_ms(text: str) -> int | None:
    """Read an age as milliseconds: a number and d, h or m; empty: None."""
    if not text:
        return None
    match = re.fullmatch(r"(\d{1,6})([dhm])", text)
    if match is None:
        raise ValueError("write a number and d, h or m, for example 30d")
    return int(match[1]) * _AGE_UNITS_MS[match[2]]


def kept_age_ms(text: str) -> int | None:
    """Read an age as `age_ms` does, other than 0, which would keep no trace."""
    age = age_ms(text)
    if age == 0:
        raise ValueError("an age of 0 keeps no trace; write 30d, or leave it empty")
    return age


def size_bytes(text: str) -> int | None:
    """Read a size as bytes: a number and MB, GB or TB; empty: None.

    An empty store has 0.2 MB: below 1 MB every trace would be deleted at once.
    """
    if not text:
        return None
    match = re.fullmatch(r"(\d{1,6})\s*([MGT]B)", text.upper())
    if match is None or not int(match[1]):
        raise ValueError(
            "write a number and MB, GB or TB, at least 1MB, for example 20GB"
        )
    return int(match[1]) * SIZE_UNITS[match[2]]


_ORIGIN: Final = re.compile(
    r"https?://(?:[a-z0-9.:\[\]-]+|(?:localhost|127\.0\.0\.1|\[::1\]):\*)"
)


def origins(text: str) -> str:
    """Read origins of web pages, with spaces between."""
    for origin in text.split():
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                "write SCHEME://HOST[:PORT] for each, spaces between; * is any port of "
                "localhost"
            )
    return text


def forward_target(text: str) -> str:
    """Read an endpoint; empty: none."""
    return endpoint(text) if text else ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CollectorSettings(SettingsBase):
    """Settings of ``spanframe collector``."""

    section: ClassVar[str] = "the collector"

    store: str = setting(
        "SPANFRAME_STORE",
        "sqlite:///spanframe.db",
        "URL of the store that spans are written to.",
        store_url,
    )
    sqlite_synchronous: str = setting(
        "SPANFRAME_SQLITE_SYNCHRONOUS",
        "full",
        "full: accepted spans survive power loss; normal: a crash of the process.",
        one_of("full", "normal"),
    )
    prices: str = setting(
        "SPANFRAME_PRICES",
        "",
        "File of model prices by which the cost of a trace is computed where no span "
        "states it, or off; empty: the built-in table.",
        file_or_off,
    )
    grpc: Address = setting(
        "SPANFRAME_GRPC",
        "127.0.0.1:4317",
        "Address of the OTLP/gRPC receiver, as HOST:PORT or unix:PATH.",
        address,
    )
    http: Address | None = setting(
        "SPANFRAME_HTTP",
        "127.0.0.1:4318",
        "Address of the OTLP/HTTP receiver, as HOST:PORT or unix:PATH; or off.",
        optional_address,
    )
    cors_origins: str = setting(
        "SPANFRAME_CORS_ORIGINS",
        "",
        "Origins of web pages that may send over HTTP, with spaces between; "
        "http://localhost:* is any port of this machine.",
        origins,
    )
    token: str = setting(
        "SPANFRAME_TOKEN",
        "",
        "Bearer token that senders must present, or several with spaces between.",
        secret=True,
    )
    token_file: str = setting(
        "SPANFRAME_TOKEN_FILE",
        "",
        "File of bearer tokens, one per line; read again when it changes.",
    )
    tls_cert: str = setting(
        "SPANFRAME_TLS_CERT",
        "",
        "File of the receivers' certificate chain (PEM); read again when it changes.",
    )
    tls_key: str = setting(
        "SPANFRAME_TLS_KEY", "", "File of the certificate's private key (PEM)."
    )
    tls_client_ca: str = setting(
        "SPANFRAME_TLS_CLIENT_CA",
        "",
        "File of the authorities of senders' certificates (PEM), for mutual TLS.",
    )
    insecure: bool = setting(
        "SPANFRAME_INSECURE",
        "false",
        "Listen beyond this machine without a token or client certificates.",
        boolean,
        option="--insecure/--secure",
    )
    max_request_bytes: int = setting(
        "SPANFRAME_MAX_REQUEST_BYTES",
        str(16 << 20),
        "Maximum size of a request, in bytes, uncompressed.",
        whole_number(1024, 1 << 30),
    )
    max_request_spans: int = setting(
        "SPANFRAME_MAX_REQUEST_SPANS",
        "10000",
        "Maximum spans of a request; its resources and scopes are counted as well.",
        whole_number(1, 100_000),
    )
    max_json_bytes: int = setting(
        "SPANFRAME_MAX_JSON_BYTES",
        str(8 << 20),
        "Maximum size of an OTLP/JSON request, in bytes; decoding needs much memory.",
        whole_number(1024, 1 << 30),
    )
    max_in_flight_bytes: int = setting(
        "SPANFRAME_MAX_IN_FLIGHT_BYTES",
        str(64 << 20),
        "Maximum bytes of requests in work at once; beyond it senders have to wait.",
        whole_number(1024, 1 << 34),
    )
    max_trace_entries: int = setting(
        "SPANFRAME_MAX_TRACE_ENTRIES",
        str(MAX_TRACE_ENTRIES),
        "Maximum tags and metadata entries of a trace; more are dropped and marked.",
        whole_number(10, 100_000),
    )
    max_connections: int = setting(
        "SPANFRAME_MAX_CONNECTIONS",
        "1000",
        "Maximum connections of a receiver; beyond it the longest silent are closed.",
        whole_number(8, 1 << 20),
    )
    second_process: str = setting(
        "SPANFRAME_SECOND_PROCESS",
        "auto",
        "auto: while requests queue up, a second process writes; off: never.",
        one_of("auto", "off"),
    )
    drain_seconds: int = setting(
        "SPANFRAME_DRAIN_SECONDS",
        "3",
        "Time that a stopping collector still accepts requests, in seconds.",
        whole_number(0, 600),
    )

    log_format: str = setting(
        "SPANFRAME_LOG_FORMAT",
        "text",
        "text: lines for people; json: one object per line, for log stores.",
        one_of("text", "json"),
    )
    keep_age: int | None = setting(
        "SPANFRAME_KEEP_AGE",
        "",
        "Maximum age of traces, as a number and d, h or m; empty: unlimited.",
        kept_age_ms,
    )
    keep_size: int | None = setting(
        "SPANFRAME_KEEP_SIZE",
        "",
        "Maximum size of the store, 1MB or more, in MB, GB or TB; empty: unlimited.",
        size_bytes,
    )

    mask_keys: tuple[str, ...] = setting(
        "SPANFRAME_MASK_KEYS",
        "",
        "Patterns of keys whose values are masked, commas between; * is any text.",
        key_patterns,
    )
    forward_endpoint: str = setting(
        "SPANFRAME_FORWARD_ENDPOINT",
        "",
        "OTLP/gRPC endpoint that accepted requests are forwarded to.",
        forward_target,
    )
    forward_token: str = setting(
        "SPANFRAME_FORWARD_TOKEN",
        "",
        "Bearer token for the endpoint that requests are forwarded to.",
        secret=True,
    )
    forward_queue_bytes: int = setting(
        "SPANFRAME_FORWARD_QUEUE_BYTES",
        str(32 << 20),
        "Maximum bytes of the forwarding queue; beyond it new requests are dropped.",
        whole_number(1024, 1 << 34),
    )

    def __post_init__(self) -> None:
        """Refuse combinations that no single setting can see."""
        problems = []
        guarded = self.token or self.token_file or self.tls_client_ca
        listeners = {"grpc": self.grpc, "http": self.http}
        problems += [
            f"{name} is {address}: everyone on the network could write to the store; "
            "set SPANFRAME_TOKEN, listen on 127.0.0.1, or give --insecure"
            for name, address in listeners.items()
            if address and not (address.is_local or guarded or self.insecure)
        ]
        if bool(self.tls_cert) != bool(self.tls_key):
            problems.append("only one of tls_cert and tls_key is set; set both")
        if self.tls_client_ca and not self.tls_cert:
            problems.append("tls_client_ca is set without tls_cert and tls_key")
        if self.max_in_flight_bytes < self.max_request_bytes:
            problems.append(
                "max_in_flight_bytes is smaller than max_request_bytes: the largest "
                "requests could never be accepted"
            )
        if problems:
            raise SettingsError(problems)
