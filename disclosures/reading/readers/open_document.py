"""What the cells of an OpenDocument spreadsheet show: the file keeps it beside their values."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lxml import etree

_TABLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE: Final = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT: Final = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_HIDDEN: Final = ("collapse", "filter")
#: Repetitions beyond which rows and cells fill the rest of a sheet.
_MOST: Final = 1000


@dataclass(slots=True)
class OpenSheet:
    """One sheet, rows and columns from 0. ``shown`` are the texts of cells with numbers, dates and
    times."""

    shown: dict[tuple[int, int], str] = field(default_factory=dict)
    rows: set[int] = field(default_factory=set)
    columns: set[int] = field(default_factory=set)


def open_sheets(path: Path) -> dict[str, OpenSheet]:
    """The sheets of an OpenDocument spreadsheet by their names.

    Raises:
        KeyError: the package has no content.
        etree.XMLSyntaxError: its content is no XML.
    """
    with zipfile.ZipFile(path) as package, package.open("content.xml") as content:
        root = etree.parse(content, etree.XMLParser(resolve_entities=False)).getroot()
    return {table.get(f"{_TABLE}name", ""): _sheet(table) for table in root.iter(f"{_TABLE}table")}


def _sheet(table: Any) -> OpenSheet:
    sheet = OpenSheet()
    for number, column in _repeated(table.iter(f"{_TABLE}table-column"), "columns"):
        if column.get(f"{_TABLE}visibility") in _HIDDEN:
            sheet.columns.add(number)
    for at, row in _repeated(table.iter(f"{_TABLE}table-row"), "rows"):
        if row.get(f"{_TABLE}visibility") in _HIDDEN:
            sheet.rows.add(at)
        cells = row.iterchildren(f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")
        for number, cell in _repeated(cells, "columns"):
            if cell.get(f"{_OFFICE}value-type", "string") not in ("string", "boolean"):
                lines = ("".join(p.itertext()) for p in cell.iterchildren(f"{_TEXT}p"))
                sheet.shown[at, number] = "\n".join(lines)
    return sheet


def _repeated(elements: Iterator[Any], what: str) -> Iterator[tuple[int, Any]]:
    """Elements with their numbers, those that stand for several several times."""
    at = 0
    for element in elements:
        count = int(element.get(f"{_TABLE}number-{what}-repeated", "1"))
        for offset in range(count if count <= _MOST else 0):
            yield at + offset, element
        at += count
