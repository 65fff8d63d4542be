"""Writing rows so that writing them twice changes nothing, and values that every database takes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from enum import Enum
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Connection, Table, Text, insert, or_
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import JSON

from disclosures.amounts import TICKS_PER_WAN
from warehouse.schema import Base

T = TypeVar("T")

#: Rows per statement and keys per IN list, below every database's limit of parameters.
CHUNK: Final = 500
#: What a column of money holds at most, and what it tells apart, in 万元.
_LARGEST_WAN: Final = Decimal(2**63 - 1) / TICKS_PER_WAN
_TICK: Final = Decimal(1) / TICKS_PER_WAN


def plain(number: Decimal) -> str:
    """A decimal string without an exponent and without a negative zero."""
    return format(number if number else abs(number), "f")


def in_ticks(amount: Decimal | None) -> Decimal | None:
    """An amount as money columns keep it, or None where they do not reach; a quotient has more
    decimals than they."""
    if amount is None or not amount.is_finite() or abs(amount) > _LARGEST_WAN:
        return None
    return amount.quantize(_TICK, ROUND_HALF_EVEN)


def json_safe(value: object) -> Any:
    """``value`` as JSON can say it on every database: decimals as strings, no NaN, clean text.

    Scalars of numpy and pandas, which results of validations contain, become Python's own.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Enum):
        return json_safe(value.value)
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, Decimal):
        return plain(value) if value.is_finite() else None
    if isinstance(value, Mapping):
        return {clean_text(str(key)): json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((json_safe(item) for item in value), key=str)
    if type(value).__name__ in ("NAType", "NaTType"):  # pandas' words for nothing
        return None
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    if hasattr(value, "item"):
        return json_safe(value.item())
    return clean_text(str(value))


def clean_text(text: str) -> str:
    """Text that both databases take: crawled text may hold NUL and halves of surrogate pairs."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode()
    return text


def key_of(*parts: object) -> str:
    joined = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


def in_order(rows: Iterable[dict[str, Any]], *keys: str) -> list[dict[str, Any]]:
    # Writers that lock rows in one order cannot lock each other out.
    return sorted(rows, key=lambda row: tuple(row[key] for key in keys))


def chunks(items: list[Any]) -> Iterable[list[Any]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def table_of(model: type[Base]) -> Table:
    return cast("Table", model.__table__)


def clean(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: json_safe(value)
        if isinstance(table.c[name].type, JSON)
        else clean_text(value)
        if isinstance(value, str)
        else value
        for name, value in row.items()
    }


def insert_rows(connection: Connection, model: type[Base], rows: list[dict[str, Any]]) -> None:
    table = table_of(model)
    if rows:
        connection.execute(insert(table), [clean(table, row) for row in rows])


def insert_missing(connection: Connection, model: type[Base], rows: list[dict[str, Any]]) -> None:
    table = table_of(model)
    if rows:
        statement = _dialect_insert(connection, table).on_conflict_do_nothing()
        connection.execute(statement, [clean(table, row) for row in rows])


def upsert(
    connection: Connection,
    model: type[Base],
    rows: list[dict[str, Any]],
    *,
    unchanged: Collection[str] = (),
) -> None:
    """Insert rows, or update those that differ in more than who wrote them and when.

    Columns in ``unchanged`` keep their first value.
    """
    if not rows:
        return
    table = table_of(model)
    statement = _dialect_insert(connection, table)
    given = [
        column
        for column in table.columns
        if column.name in rows[0] and not column.primary_key and column.name not in unchanged
    ]
    differs = [
        sql_cast(column, Text).is_distinct_from(sql_cast(statement.excluded[column.name], Text))
        if isinstance(column.type, JSON)
        else column.is_distinct_from(statement.excluded[column.name])
        for column in given
        if column.name not in _WRITTEN_BY
    ]
    statement = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={column.name: statement.excluded[column.name] for column in given},
        where=or_(*differs),
    )
    connection.execute(statement, [clean(table, row) for row in rows])


#: Columns that say who wrote a row and when, not what it says.
_WRITTEN_BY: Final = frozenset({"run_id", "judged_at", "read_at", "seconds", "validated_at"})


def _dialect_insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
