"""Which tables of a database the migrations answer for, and how new migrations are written."""

from __future__ import annotations

from typing import Any, Final, Literal

from sqlalchemy.types import TypeDecorator

#: Marts are rebuilt by :mod:`warehouse.marts` as the forms ask; no migration knows them.
MART_PREFIX: Final = "out_mart_"


def is_ours(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """Alembic's ``include_object``: everything but the marts and what belongs to them."""
    table = name if kind == "table" else getattr(getattr(item, "table", None), "name", None)
    return not (table or "").startswith(MART_PREFIX)


def plain_type(kind: str, item: Any, context: Any) -> str | Literal[False]:
    """Alembic's ``render_item``: a migration names the database's own types, because the classes
    of :mod:`warehouse.schema` may change after it."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    return False
