"""The ``juesuan`` command. Heavy libraries are imported inside the commands that need them."""

from __future__ import annotations

import sys
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flows.settings import Settings

app = typer.Typer(
    name="juesuan",
    help="Reads, checks and scores the published final accounts (部门决算公开) of government "
    "departments.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)


class Exit(IntEnum):
    """Exit codes of ``juesuan check``; every command uses the last for what it could not do."""

    CLEAN = 0
    ERRORS_FOUND = 1
    COULD_NOT_RUN = 2


Warehouse = Annotated[
    str | None,
    typer.Option("--warehouse", metavar="URL", help="SQLAlchemy URL [default: SQLite in --data]"),
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="archive, data docs, warehouse [default: var/]"),
]
Jobs = Annotated[int | None, typer.Option("--jobs", metavar="N", min=1, help="reader processes")]
Json = Annotated[bool, typer.Option("--json", help="print JSON instead of a table")]


def _settings(
    warehouse: str | None = None, data: Path | None = None, jobs: int | None = None
) -> Settings:
    from pydantic import ValidationError

    from flows.settings import load_settings

    try:
        return load_settings(warehouse=warehouse, data=data, jobs=jobs)
    except ValidationError as error:
        _stop(f"unusable settings:\n{error}")


def _stop(message: str) -> typing_NoReturn:
    typer.echo(f"juesuan: {message}", err=True)
    raise typer.Exit(Exit.COULD_NOT_RUN)
