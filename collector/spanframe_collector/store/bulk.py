"""Inserts many rows at the driver's own pace.

`Connection.execute` builds a dictionary and a tuple for every row of an executemany,
which costs more than the insert itself. The statement is still SQLAlchemy's, compiled
once for a dialect; only the rows go straight to the driver.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert

from spanframe_collector.store.postgresql import copy_rows

__all__ = ["insert_rows"]


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows that have a value for every column, in the order of the table.

    The values go to the driver as they are: integers, text, bytes and None.
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        copy_rows(connection, table, rows)
        return
    connection.exec_driver_sql(_statement(table, connection.dialect), list(rows))


@cache
def _statement(table: Table, dialect: Dialect) -> str:
    return str(insert(table).compile(dialect=dialect, column_keys=table.c.keys()))
