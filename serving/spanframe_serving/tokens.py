"""Checks the bearer tokens of requests."""

import hmac
from collections.abc import Sequence
from pathlib import Path

from spanframe.errors import SettingsError
from spanframe_serving.watched_files import WatchedFiles

__all__ = ["Tokens"]


class Tokens:
    """The valid bearer tokens; without any, every request is allowed."""

    def __init__(self, token: str, token_file: str) -> None:
        """Read the tokens.

        Args:
            token: tokens, separated by spaces; empty: none.
            token_file: path of a file of tokens; empty: none.

        Raises:
            SettingsError: when the token file cannot be read or holds no token.
        """
        self._fixed = token.split()
        path = token_file
        try:
            self._file = (
                WatchedFiles([path], lambda: _tokens_in(Path(path))) if path else None
            )
        except OSError as error:
            reason = error.strerror or error
            raise SettingsError([f"token_file is {path!r}: {reason}"]) from None
        except ValueError as error:
            raise SettingsError([f"token_file is {path!r}: {error}"]) from None

    @property
    def are_required(self) -> bool:
        """Whether a request needs a token at all."""
        return bool(self._fixed) or self._file is not None

    def allow(self, authorization: Sequence[str]) -> bool:
        """Return whether a request with these ``authorization`` values is allowed.

        It must have exactly one, ``Bearer`` and a valid token; tokens are compared in
        constant time.
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
        # All tokens are compared, so that the time does not tell which one is similar.
        matches = [
            hmac.compare_digest(shown, f"Bearer {token}".encode()) for token in known
        ]
        return any(matches)


def _tokens_in(path: Path) -> list[str]:
    tokens = path.read_text(encoding="utf-8").split()
    if not tokens:
        raise ValueError("the file holds no token")
    return tokens
