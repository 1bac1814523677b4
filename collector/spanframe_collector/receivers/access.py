"""Who may send: bearer tokens, and the TLS a listener speaks.

Both are read from files again when those change, so that a rotated secret or a renewed
certificate needs no restart.
"""

import hmac
import logging
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Generic, TypeVar

import grpc

from spanframe.errors import SettingsError
from spanframe_collector.settings import CollectorSettings

__all__ = ["Tokens", "server_credentials", "tls_context"]

_log: Final = logging.getLogger(__name__)

T = TypeVar("T")


class _Files(Generic[T]):
    """A value read from files, read again when one of them changes."""

    def __init__(self, paths: Sequence[str], read: Callable[[], T]) -> None:
        self._paths = [Path(path) for path in paths]
        self._read = read
        self._stamp = self._stat()
        self.value = read()

    def changed(self) -> bool:
        """Read again if a file changed; return whether there is a new value.

        A file that cannot be read, or holds nonsense while it is being replaced, leaves
        the old value in force.
        """
        try:
            stamp = self._stat()
            if stamp == self._stamp:
                return False
            self._stamp = stamp
            self.value = self._read()
        except (OSError, ValueError) as error:
            # An OSError tells its file itself; the text of others may hold a secret.
            reason = error if isinstance(error, OSError) else "it holds nothing usable"
            names = ", ".join(str(path) for path in self._paths)
            _log.warning("Keeping what was last read from %s: %s", names, reason)
            return False
        _log.info("Read %s again", ", ".join(str(path) for path in self._paths))
        return True

    def _stat(self) -> list[tuple[int, int, int]]:
        stats = [path.stat() for path in self._paths]
        return [(s.st_mtime_ns, s.st_size, s.st_ino) for s in stats]


class Tokens:
    """The bearer tokens in force; none: everyone may send."""

    def __init__(self, settings: CollectorSettings) -> None:
        """Read the tokens.

        Raises:
            SettingsError: when the token file cannot be read or holds no token.
        """
        self._fixed = settings.token.split()
        path = settings.token_file
        try:
            self._file = (
                _Files([path], lambda: _tokens_in(Path(path))) if path else None
            )
        except OSError as error:
            reason = error.strerror or error
            raise SettingsError([f"token_file is {path!r}: {reason}"]) from None
        except ValueError as error:
            raise SettingsError([f"token_file is {path!r}: {error}"]) from None

    @property
    def are_required(self) -> bool:
        """Whether a sender must show a token at all."""
        return bool(self._fixed) or self._file is not None

    def allow(self, authorization: Sequence[str]) -> bool:
        """Whether the ``authorization`` values of a request let it in.

        Exactly one value, ``Bearer`` and a known token; compared in constant time.
        """
        if not self.are_required:
            return True
        known = list(self._fixed)
        if self._file is not None:
            self._file.changed()
            known += self._file.value
        if len(authorization) != 1:
            return False
        shown = authorization[0].encode()
        # Every token is compared, so that time does not tell which one came close.
        matches = [
            hmac.compare_digest(shown, f"Bearer {token}".encode()) for token in known
        ]
        return any(matches)


def _tokens_in(path: Path) -> list[str]:
    tokens = path.read_text(encoding="utf-8").split()
    if not tokens:
        raise ValueError("the file holds no token")
    return tokens


def server_credentials(settings: CollectorSettings) -> grpc.ServerCredentials | None:
    """Return the TLS credentials of the gRPC listener; None: it speaks plain text.

    Raises:
        SettingsError: when a certificate or key cannot be read.
    """
    paths = _tls_paths(settings)
    if not paths:
        return None

    def read() -> grpc.ServerCertificateConfiguration:
        _context(paths)  # gRPC does not say what is wrong with a file
        certificate, key, *client_ca = (Path(path).read_bytes() for path in paths)
        return grpc.ssl_server_certificate_configuration(
            [(key, certificate)], client_ca[0] if client_ca else None
        )

    files = _tls_files(paths, read)
    return grpc.dynamic_ssl_server_credentials(
        files.value,
        lambda: files.value if files.changed() else None,
        require_client_authentication=bool(settings.tls_client_ca),
    )


def tls_context(settings: CollectorSettings) -> ssl.SSLContext | None:
    """Return the TLS context of the HTTP listener; None: it speaks plain text.

    Raises:
        SettingsError: when a certificate or key cannot be read.
    """
    paths = _tls_paths(settings)
    if not paths:
        return None

    files = _tls_files(paths, lambda: _context(paths))

    def renew(connection: ssl.SSLObject, _name: str | None, _: ssl.SSLContext) -> None:
        files.changed()
        connection.context = files.value

    listener = files.value
    # Called for every handshake, whether or not the sender names a host.
    listener.sni_callback = renew
    return listener


def _context(paths: Sequence[str]) -> ssl.SSLContext:
    certificate, key, *client_ca = paths
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    if client_ca:
        context.load_verify_locations(client_ca[0])
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _tls_paths(settings: CollectorSettings) -> list[str]:
    paths = [settings.tls_cert, settings.tls_key, settings.tls_client_ca]
    return [path for path in paths if path]


def _tls_files(paths: Sequence[str], read: Callable[[], T]) -> _Files[T]:
    try:
        return _Files(paths, read)
    except ssl.SSLError as error:
        reason = (error.reason or "").replace("_", " ").lower() or "not PEM"
        raise SettingsError([f"{', '.join(paths)} cannot be used: {reason}"]) from None
    except OSError as error:
        place = error.filename or " or ".join(paths)
        raise SettingsError(
            [f"{place} cannot be read: {error.strerror or error}"]
        ) from None
