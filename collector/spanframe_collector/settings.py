"""The collector's settings."""

import dataclasses
import re
from typing import ClassVar, Final

from spanframe.errors import SettingsError
from spanframe.settings import (
    SettingsBase,
    boolean,
    endpoint,
    one_of,
    setting,
    store_url,
    whole_number,
)
from spanframe_serving.addresses import Address, address, optional_address

__all__ = ["CollectorSettings", "age_ms"]


_AGE_UNITS_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000}
_SIZE_UNITS: Final = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def age_ms(text: str) -> int | None:
    """Read an age as milliseconds: a number and d, h or m; empty: None."""
    if not text:
        return None
    match = re.fullmatch(r"(\d{1,6})([dhm])", text)
    if match is None:
        raise ValueError("write a number and d, h or m, for example 30d")
    return int(match[1]) * _AGE_UNITS_MS[match[2]]


def size_bytes(text: str) -> int | None:
    """Read a size as bytes: a number and KB, MB, GB or TB; empty: None."""
    if not text:
        return None
    match = re.fullmatch(r"(\d{1,6})\s*([KMGT]B)", text.upper())
    if match is None:
        raise ValueError("write a number and KB, MB, GB or TB, for example 20GB")
    return int(match[1]) * _SIZE_UNITS[match[2]]


_ORIGIN: Final = re.compile(r"https?://[a-z0-9.:\[\]-]+")


def origins(text: str) -> str:
    """Read the origins of web pages, with spaces between."""
    for origin in text.split():
        if not _ORIGIN.fullmatch(origin):
            raise ValueError("write SCHEME://HOST[:PORT] of each, spaces between")
    return text


def pattern(text: str) -> re.Pattern[str] | None:
    """Read a regular expression; empty: None."""
    if not text:
        return None
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None


def forward_target(text: str) -> str:
    """Read an endpoint, or nothing."""
    return endpoint(text) if text else ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CollectorSettings(SettingsBase):
    """What ``spanframe collector`` reads."""

    section: ClassVar[str] = "the collector"

    store: str = setting(
        "SPANFRAME_STORE",
        "sqlite:///spanframe.db",
        "The store, as an SQLAlchemy URL.",
        store_url,
    )
    sqlite_synchronous: str = setting(
        "SPANFRAME_SQLITE_SYNCHRONOUS",
        "full",
        "full: an answer of OK survives power loss; normal: a crash of the process.",
        one_of("full", "normal"),
    )
    grpc: Address = setting(
        "SPANFRAME_GRPC",
        "127.0.0.1:4317",
        "Where OTLP over gRPC is received, as HOST:PORT or unix:PATH.",
        address,
    )
    http: Address | None = setting(
        "SPANFRAME_HTTP",
        "127.0.0.1:4318",
        "Where OTLP over HTTP is received, as HOST:PORT or unix:PATH; or off.",
        optional_address,
    )
    cors_origins: str = setting(
        "SPANFRAME_CORS_ORIGINS",
        "",
        "Origins whose web pages may send over HTTP, with spaces between.",
        origins,
    )
    token: str = setting(
        "SPANFRAME_TOKEN",
        "",
        "The bearer token that senders must show, or several with spaces between.",
        secret=True,
    )
    token_file: str = setting(
        "SPANFRAME_TOKEN_FILE",
        "",
        "A file of bearer tokens, one a line; read again when it changes.",
    )
    tls_cert: str = setting(
        "SPANFRAME_TLS_CERT",
        "",
        "The certificate chain of the listeners (PEM); read again when it changes.",
    )
    tls_key: str = setting(
        "SPANFRAME_TLS_KEY", "", "The private key of the certificate (PEM)."
    )
    tls_client_ca: str = setting(
        "SPANFRAME_TLS_CLIENT_CA",
        "",
        "Authorities whose certificates senders must show (PEM): mutual TLS.",
    )
    insecure: bool = setting(
        "SPANFRAME_INSECURE",
        "false",
        "Listen beyond this machine without a token or client certificates.",
        boolean,
    )
    max_request_bytes: int = setting(
        "SPANFRAME_MAX_REQUEST_BYTES",
        str(16 << 20),
        "The largest request taken, in bytes, uncompressed.",
        whole_number(1024, 1 << 30),
    )
    max_request_spans: int = setting(
        "SPANFRAME_MAX_REQUEST_SPANS",
        "10000",
        "The most spans in a request, its resources and scopes counted.",
        whole_number(1, 100_000),
    )
    max_json_bytes: int = setting(
        "SPANFRAME_MAX_JSON_BYTES",
        str(8 << 20),
        "The same for OTLP/JSON, which takes many times its size to read.",
        whole_number(1024, 1 << 30),
    )
    max_in_flight_bytes: int = setting(
        "SPANFRAME_MAX_IN_FLIGHT_BYTES",
        str(64 << 20),
        "Bytes of requests being worked on at once; beyond it senders have to wait.",
        whole_number(1024, 1 << 34),
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
        "How long a stopping collector still takes what apps flush, in seconds.",
        whole_number(0, 600),
    )

    log_format: str = setting(
        "SPANFRAME_LOG_FORMAT",
        "text",
        "text: lines for people; json: an object a line, for log stores.",
        one_of("text", "json"),
    )
    keep_age: int | None = setting(
        "SPANFRAME_KEEP_AGE",
        "",
        "Delete traces older than this: a number and d, h or m; empty: keep all.",
        age_ms,
    )
    keep_size: int | None = setting(
        "SPANFRAME_KEEP_SIZE",
        "",
        "Delete the oldest traces when the store uses more: a number and MB, GB or TB.",
        size_bytes,
    )

    mask_keys: re.Pattern[str] | None = setting(
        "SPANFRAME_MASK_KEYS",
        "",
        "Mask values under keys that this regular expression finds, in any case.",
        pattern,
    )
    forward_endpoint: str = setting(
        "SPANFRAME_FORWARD_ENDPOINT",
        "",
        "Pass accepted requests on to this OTLP/gRPC endpoint as well.",
        forward_target,
    )
    forward_token: str = setting(
        "SPANFRAME_FORWARD_TOKEN",
        "",
        "The bearer token for the endpoint that requests are passed on to.",
        secret=True,
    )
    forward_queue_bytes: int = setting(
        "SPANFRAME_FORWARD_QUEUE_BYTES",
        str(32 << 20),
        "Bytes that may wait to be passed on; beyond it the newest are left out.",
        whole_number(1024, 1 << 34),
    )

    def __post_init__(self) -> None:
        """Refuse combinations that no single setting can see."""
        problems = []
        guarded = self.token or self.token_file or self.tls_client_ca
        listeners = {"grpc": self.grpc, "http": self.http}
        problems += [
            f"{name} is {address}: everyone on the network could write to the "
            "store; set SPANFRAME_TOKEN, listen on 127.0.0.1, or say --insecure"
            for name, address in listeners.items()
            if address and not (address.is_local or guarded or self.insecure)
        ]
        if bool(self.tls_cert) != bool(self.tls_key):
            problems.append("tls_cert and tls_key go together; one of them is missing")
        if self.tls_client_ca and not self.tls_cert:
            problems.append("tls_client_ca needs tls_cert and tls_key as well")
        if self.max_in_flight_bytes < self.max_request_bytes:
            problems.append(
                "max_in_flight_bytes is smaller than max_request_bytes: such a "
                "request could never be taken"
            )
        if problems:
            raise SettingsError(problems)
