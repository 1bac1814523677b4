"""Instrumentors of other libraries, found where they are installed, on our provider.

An instrumentor registers as an entry point, under the name of its library. Several may
bear the same name: OpenInference's come first, whose spans say most.
"""

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Protocol

from opentelemetry.trace import TracerProvider

from spanframe._mlflow_names import libraries
from spanframe.tracing import get_tracer_provider

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Library", "autolog", "autolog_of", "instrument", "instrument_all"]

_GROUP: Final = "opentelemetry_instrumentor"
_FIRST: Final = ("openinference.", "opentelemetry.")
_log: Final = logging.getLogger("spanframe")


class Library(Protocol):
    """The module of a library, ``spanframe.openai``, for type checkers."""

    autolog: Callable[..., None]


def instrument(*names: str) -> dict[str, str]:
    """Record the calls of other libraries, with the instrumentors that are installed.

    Call it after `configure`, and before the library is used. A library without an
    installed instrumentor is named in a warning, with what to install.

    Args:
        *names: names of libraries, ``"openai"``, ``"langchain"``, ``"httpx"``, …

    Returns:
        The package that records each library, by the library's name.

    Example:
        >>> spanframe.instrument("openai")  # doctest: +SKIP
        {'openai': 'openinference-instrumentation-openai 0.1.66'}
    """
    found = {name: _switch_on(_of_library(name)) for name in names}
    for name, package in found.items():
        if not package:
            _warn_of(name)
    return {name: package for name, package in found.items() if package}


def instrument_all() -> dict[str, str]:
    """Record the calls of every library that has an installed instrumentor.

    Returns:
        The package that records each library, by the library's name.
    """
    return _switch_on_all(lambda _: True)


def autolog(
    log_traces: bool = True, disable: bool = False, silent: bool = False, **_: Any
) -> None:
    """Record the calls of every AI library that has an installed instrumentor.

    MLflow's name; `instrument_all` takes instrumentors of web frameworks, databases and
    HTTP clients as well.

    Args:
        log_traces: False records nothing.
        disable: True switches off what an earlier call switched on.
        silent: True logs nothing where no instrumentor is installed.
    """
    if disable or not log_traces:
        _switch_off(filter(_is_of_ai, _installed()))
    elif not _switch_on_all(_is_of_ai) and not silent:
        _log.warning(
            "autolog() records nothing: no instrumentor is installed. Install that of "
            "each library, for example with pip install "
            "openinference-instrumentation-openai."
        )


def autolog_of(library: str) -> Callable[..., None]:
    """Return the function ``mlflow.<library>.autolog``."""

    def autolog(
        *,
        log_traces: bool = True,
        disable: bool = False,
        silent: bool = False,
        **_: Any,
    ) -> None:
        if disable or not log_traces:
            _switch_off(entry for entries in _of_library(library) for entry in entries)
        elif not _switch_on(_of_library(library)) and not silent:
            _warn_of(library)

    autolog.__module__ = f"spanframe.{library}"
    autolog.__doc__ = (
        f"Record the calls of {library} with its installed instrumentor.\n\n"
        "log_traces=False and disable=True switch it off; other arguments of MLflow's "
        "do nothing."
    )
    return autolog


def _installed() -> "list[EntryPoint]":
    """Return the installed instrumentors, the preferred ones of each library first."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - only who asks waits

    return sorted(entry_points(group=_GROUP), key=lambda e: (_rank(e), e.name, e.value))


def _rank(entry: "EntryPoint") -> int:
    matches = [n for n, start in enumerate(_FIRST) if entry.value.startswith(start)]
    return matches[0] if matches else len(_FIRST)


def _of_library(library: str) -> "list[list[EntryPoint]]":
    """Return the instrumentors of a library; a list has those for one and the same.

    Args:
        library: MLflow's name of it, or that of its instrumentors.
    """
    wanted = _plain(library)
    groups = [set(group.split("|")) for group in libraries().get(wanted, (wanted,))]
    found = [[e for e in _installed() if _plain(e.name) in group] for group in groups]
    return [entries for entries in found if entries]


def _plain(name: str) -> str:
    return name.replace("-", "_").lower()


def _is_of_ai(entry: "EntryPoint") -> bool:
    groups = (group for several in libraries().values() for group in several)
    known = {name for group in groups for name in group.split("|")}
    return entry.value.startswith(_FIRST[0]) or _plain(entry.name) in known


def _switch_on_all(wanted: "Callable[[EntryPoint], bool]") -> dict[str, str]:
    by_library: dict[str, list[EntryPoint]] = {}
    for entry in filter(wanted, _installed()):
        by_library.setdefault(_plain(entry.name), []).append(entry)
    found = {name: _switch_on([entries]) for name, entries in by_library.items()}
    return {library: package for library, package in sorted(found.items()) if package}


def _switch_on(groups: "Iterable[Iterable[EntryPoint]]") -> str:
    """Switch on the first instrumentor of each group that can be.

    Returns:
        Their packages; an empty text for none.
    """
    provider = get_tracer_provider()
    on = (
        next((_package(entry) for entry in entries if _starts(entry, provider)), "")
        for entries in groups
    )
    return ", ".join(filter(None, on))


def _starts(entry: "EntryPoint", provider: TracerProvider) -> bool:
    try:
        instrumentor = entry.load()()
        if not instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.instrument(
                tracer_provider=provider, raise_exception_on_conflict=True
            )
        return bool(instrumentor.is_instrumented_by_opentelemetry)
    except Exception as error:  # noqa: BLE001 - of another library, and the app goes on
        # Most often the library itself is not installed, or in another version.
        unusable = isinstance(error, ImportError) or (
            type(error).__name__ == "DependencyConflictError"
        )
        log = _log.info if unusable else _log.warning
        log("The instrumentor %s does not start: %s", entry.value, error)
        return False


def _switch_off(entries: "Iterable[EntryPoint]") -> None:
    for entry in entries:
        try:
            instrumentor = entry.load()()
            if instrumentor.is_instrumented_by_opentelemetry:
                instrumentor.uninstrument()
        except Exception:  # noqa: BLE001 - likewise
            _log.warning(
                "The instrumentor %s does not stop.", entry.value, exc_info=True
            )


def _package(entry: "EntryPoint") -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def _warn_of(library: str) -> None:
    _log.warning(
        "%s is not recorded: no instrumentor of it is installed that fits its version. "
        "Install one, for example with pip install openinference-instrumentation-%s.",
        library,
        _plain(library).replace("_", "-"),
    )
