"""The settings table → options of a command."""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from spanframe.settings import Row, SettingsBase, rows

__all__ = ["option", "with_options"]

_Make = Callable[..., Any]


def option(make: _Make, row: Row) -> Any:
    """Make the option of one setting.

    Args:
        make: ``typer.Option``; an instrumented app must not load typer.
        row: the setting.
    """
    text = f"{row.sentence} [{', '.join(row.env)}; default: {row.default or 'none'}]"
    return make(row.option, help=text, show_default=False)


def with_options(
    make: _Make, settings: type[SettingsBase]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each setting that is not secret.

    The command gets them in its ``**given``, None for an option that is not given; an
    argument with a secret would show in ``ps``.

    Args:
        make: ``typer.Option``.
        settings: the settings class.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**given: Any) -> None:
            command(**given)

        own = inspect.signature(command).parameters.values()
        parameters = [*_parameters(make, settings), *(p for p in own if _is_named(p))]
        run.__dict__.pop("__wrapped__")
        run.__dict__["__signature__"] = inspect.Signature(parameters)
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def _parameters(
    make: _Make, settings: type[SettingsBase]
) -> Iterator[inspect.Parameter]:
    for row in rows(settings):
        if not row.secret:
            kind = bool if "/" in row.option else str
            yield inspect.Parameter(
                row.field,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[kind | None, option(make, row)],
            )


def _is_named(parameter: inspect.Parameter) -> bool:
    return parameter.kind is not inspect.Parameter.VAR_KEYWORD
