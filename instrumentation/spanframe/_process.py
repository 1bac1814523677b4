"""Facts of the process: its user, its script, and the commit of the code it runs.

Git's files are read, as an app must not wait for a program that may not be installed.
"""

import functools
import getpass
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from spanframe import keys

__all__ = ["process_metadata", "script_name"]

_MAX_FILE_CHARS: Final = 1 << 16
"""Maximum characters that are read of one of Git's files; of packed refs, a line."""

_MAX_TEXT_CHARS: Final = 1000
"""Maximum characters of a branch and of the URL of a repository."""

_NO_SCRIPT: Final = frozenset({"", "-", "-c", "-m"})
_REF: Final = re.compile(r"ref: (refs/(?!.*\.\.)[\w./@+-]+)")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REMOTE: Final = re.compile(r"""\[\s*remote\s+"[^"]*"\s*\]""")
_URL: Final = re.compile(r"url\s*=\s*(\S+)")
_BRANCHES: Final = "refs/heads/"


@functools.cache
def process_metadata() -> dict[str, str]:
    """Return the metadata of the process, as in MLflow 3.17, as attributes.

    What is not known is left out.
    """
    try:
        user = getpass.getuser()
    except (ImportError, KeyError, OSError):
        user = ""
    metadata = {
        "mlflow.user": user,
        "mlflow.source.name": Path(sys.argv[0]).name if sys.argv else "",
        "mlflow.source.type": "LOCAL",
        **_git_metadata(),
    }
    return {keys.METADATA_PREFIX + key: text for key, text in metadata.items() if text}


def script_name() -> str:
    """Return the name of the script, or of the package that is run; empty: none is."""
    path = Path(sys.argv[0]) if sys.argv else Path()
    name = path.parent.name if path.stem == "__main__" else path.name
    return "" if name in _NO_SCRIPT else name


def _git_metadata() -> dict[str, str]:
    """Return commit, branch and remote of the repository around the working folder."""
    try:
        folder = _git_folder(Path.cwd())
        if folder is None:
            return {}
        shared = _common_folder(folder)
        head = _text(folder / "HEAD")
        ref = _REF.fullmatch(head)
        commit = _commit_of(ref[1], folder, shared) if ref else head
        return {
            "mlflow.source.git.commit": commit if _COMMIT.fullmatch(commit) else "",
            "mlflow.source.git.branch": (
                ref[1].removeprefix(_BRANCHES)[:_MAX_TEXT_CHARS] if ref else ""
            ),
            "mlflow.source.git.repoURL": _remote(shared)[:_MAX_TEXT_CHARS],
        }
    except (OSError, ValueError):  # another user's, damaged, not text
        return {}


def _git_folder(start: Path) -> Path | None:
    for folder in (start, *start.parents):
        found = folder / ".git"
        if found.is_dir():
            return found
        if found.is_file():  # of a worktree or a submodule
            return folder / _text(found).removeprefix("gitdir:").strip()
    return None


def _common_folder(folder: Path) -> Path:
    """Return the folder that the worktrees of a repository share."""
    shared = folder / "commondir"
    return folder / _text(shared) if shared.is_file() else folder


def _commit_of(ref: str, *folders: Path) -> str:
    for folder in folders:
        if (folder / ref).is_file():
            return _text(folder / ref)
    for line in _lines(folders[-1] / "packed-refs"):
        commit, _, name = line.partition(" ")
        if name == ref:
            return commit
    return ""


def _remote(folder: Path) -> str:
    """Return the URL of the first remote, without what stands before its host."""
    in_remote = False
    for line in _text(folder / "config").splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            in_remote = _REMOTE.fullmatch(stripped) is not None
        elif in_remote and (url := _URL.fullmatch(stripped)):
            scheme, separator, rest = url[1].rpartition("://")
            # A user of a URL is a token as often as a name.
            return scheme + separator + rest.rpartition("@")[2] if separator else url[1]
    return ""


def _text(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.read(_MAX_FILE_CHARS).strip()


def _lines(path: Path) -> Iterator[str]:
    if path.is_file():
        with path.open(encoding="utf-8") as file:
            while line := file.readline(_MAX_FILE_CHARS):
                yield line.strip()
