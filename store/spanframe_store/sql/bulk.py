"""Inserts many rows at the speed of the driver.

`Connection.execute` builds a dictionary and a tuple for every row of an executemany,
which costs more than the insert itself. A driver releases the interpreter lock during a
statement and waits for it after each, so one statement carries hundreds of rows.
SQLAlchemy compiles the statements once per dialect; only the values go straight to the
driver.
"""

from collections.abc import Sequence
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Dialect, Table, UpdateBase, insert

__all__ = ["execute_many", "insert_in_portions"]

_MAX_STATEMENT_VALUES: Final = 8192
"""Maximum values bound per statement; SQLite takes 32 766 since 3.32."""

_SHORT_STATEMENT_ROWS: Final = 32
"""Rows per statement of the shorter of two lengths."""


def insert_in_portions(
    connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows that have a value for every column, in the order of the table.

    The values go to the driver as they are: integers, text, bytes and None.
    """
    if not rows:
        return
    dialect, done = connection.dialect, 0
    # Statements have two lengths, so that the driver prepares each of them once.
    for size in (_MAX_STATEMENT_VALUES // len(table.c), _SHORT_STATEMENT_ROWS):
        text = _statement(table, dialect, size)
        while len(rows) - done >= size:
            portion = rows[done : done + size]
            connection.exec_driver_sql(text, tuple(chain.from_iterable(portion)))
            done += size
    if done < len(rows):
        text = _statement(table, dialect, 1)
        connection.exec_driver_sql(text, list(rows[done:]))


def execute_many(
    connection: Connection, statement: UpdateBase, rows: Sequence[dict[str, Any]]
) -> None:
    """Run a statement once per row of parameters; all rows have the same names.

    The values go to the driver as they are.
    """
    if not rows:
        return
    if not connection.dialect.positional:
        connection.execute(statement, rows)
        return
    text, names = _compiled(statement, connection.dialect, tuple(rows[0]))
    pick = itemgetter(*names)
    connection.exec_driver_sql(text, [pick(row) for row in rows])


@cache
def _compiled(
    statement: UpdateBase, dialect: Dialect, names: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    return str(compiled), tuple(compiled.positiontup or ())


@cache
def _statement(table: Table, dialect: Dialect, rows: int) -> str:
    statement = str(insert(table).compile(dialect=dialect, column_keys=table.c.keys()))
    # SQLAlchemy would take a tenth of a second to compile thousands of values.
    insert_into, values, row = statement.rpartition(" VALUES ")
    return insert_into + values + ", ".join([row] * rows)
