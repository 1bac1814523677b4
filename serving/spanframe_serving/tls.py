"""The TLS context of a listener, renewed when its files change."""

import ssl
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from spanframe.errors import SettingsError
from spanframe_serving.watched_files import WatchedFiles

__all__ = ["TlsSettings", "server_context", "tls_context", "tls_files", "tls_paths"]

T = TypeVar("T")


class TlsSettings(Protocol):
    """The settings of a listener's TLS: paths of PEM files, empty where not given."""

    @property
    def tls_cert(self) -> str:
        """The certificate chain of the listener."""

    @property
    def tls_key(self) -> str:
        """The private key of the certificate."""

    @property
    def tls_client_ca(self) -> str:
        """The authorities whose certificates clients must show."""


def tls_context(settings: TlsSettings) -> ssl.SSLContext | None:
    """Return the TLS context of a listener; None: it serves plain text.

    Raises:
        SettingsError: when a certificate or key cannot be read.
    """
    paths = tls_paths(settings)
    if not paths:
        return None

    files = tls_files(paths, lambda: server_context(paths))

    def renew(connection: ssl.SSLObject, _name: str | None, _: ssl.SSLContext) -> None:
        files.changed()
        connection.context = files.value

    listener = files.value
    # Called for every handshake, also when the client names no host.
    listener.sni_callback = renew
    return listener


def server_context(paths: Sequence[str]) -> ssl.SSLContext:
    """Return a TLS context for a certificate, its key and the clients' authorities.

    Raises:
        OSError: when a file cannot be read or is not PEM.
    """
    certificate, key, *client_ca = paths
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    if client_ca:
        context.load_verify_locations(client_ca[0])
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def tls_paths(settings: TlsSettings) -> list[str]:
    """Return the paths of a listener's PEM files; empty: it serves plain text."""
    paths = [settings.tls_cert, settings.tls_key, settings.tls_client_ca]
    return [path for path in paths if path]


def tls_files(paths: Sequence[str], read: Callable[[], T]) -> WatchedFiles[T]:
    """Return the value read from the files, read again when they change.

    Raises:
        SettingsError: when one of them cannot be used.
    """
    try:
        return WatchedFiles(paths, read)
    except ssl.SSLError as error:
        reason = (error.reason or "").replace("_", " ").lower() or "not PEM"
        raise SettingsError([f"{', '.join(paths)} cannot be used: {reason}"]) from None
    except OSError as error:
        place = error.filename or " or ".join(paths)
        raise SettingsError(
            [f"{place} cannot be read: {error.strerror or error}"]
        ) from None
