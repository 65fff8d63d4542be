"""Number formats and hidden rows of binary workbooks (xlsb, [MS-XLSB]), whose values alone
calamine tells."""

from __future__ import annotations

import posixpath
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lxml import etree

_ROW, _SHEET, _FORMAT, _CELL_FORMAT, _COLUMN = 0, 156, 44, 47, 60
#: Cells of constants and of formulas, blank ones aside.
_CELLS: Final = frozenset(range(2, 12)) | {62}
_BEGIN_CELL_FORMATS, _END_CELL_FORMATS = 617, 618
_MOST_COLUMNS: Final = 1000
#: Formats that are not written out ([ECMA-376] 18.8.30); all those of dates and times as one.
_BUILT_IN: Final = {
    **dict.fromkeys((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)), "yyyy/m/d"),
    0: "General",
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    37: "#,##0;-#,##0",
    38: "#,##0;[Red]-#,##0",
    39: "#,##0.00;-#,##0.00",
    40: "#,##0.00;[Red]-#,##0.00",
    41: '_ * #,##0_ ;_ * -#,##0_ ;_ * "-"_ ;_ @_ ',
    43: '_ * #,##0.00_ ;_ * -#,##0.00_ ;_ * "-"??_ ;_ @_ ',
    48: "##0.0E+0",
    49: "@",
}


@dataclass(slots=True)
class BinarySheet:
    """One sheet, rows and columns from 0: the formats of its cells, what is hidden."""

    formats: dict[tuple[int, int], str] = field(default_factory=dict)
    rows: set[int] = field(default_factory=set)
    columns: set[int] = field(default_factory=set)


def binary_sheets(path: Path) -> dict[str, BinarySheet]:
    """The sheets of a binary workbook by their names.

    Raises:
        KeyError: a part of the package is missing.
        struct.error: a record is cut.
        etree.XMLSyntaxError: the relations of the package are no XML.
    """
    with zipfile.ZipFile(path) as package:
        relations = etree.fromstring(
            package.read("xl/_rels/workbook.bin.rels"), etree.XMLParser(resolve_entities=False)
        )
        parts = {one.get("Id"): str(one.get("Target")) for one in relations}
        formats = _formats(package)
        sheets: dict[str, BinarySheet] = {}
        for kind, body in _records(package.read("xl/workbook.bin")):
            if kind == _SHEET:
                relation, at = _text(body, 8)
                name, _ = _text(body, at)
                target = parts[relation]
                inside = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
                part = package.read(posixpath.normpath(inside))
                sheets[name] = _sheet(part, formats)
    return sheets


def _formats(package: zipfile.ZipFile) -> list[str]:
    """The number format of each cell format."""
    written = dict(_BUILT_IN)
    formats: list[str] = []
    within = False
    if "xl/styles.bin" not in package.namelist():
        return formats
    for kind, body in _records(package.read("xl/styles.bin")):
        if kind == _FORMAT:
            written[struct.unpack_from("<H", body)[0]] = _text(body, 2)[0]
        elif kind in (_BEGIN_CELL_FORMATS, _END_CELL_FORMATS):
            within = kind == _BEGIN_CELL_FORMATS
        elif kind == _CELL_FORMAT and within:
            formats.append(written.get(struct.unpack_from("<H", body, 2)[0], "General"))
    return formats


def _sheet(part: bytes, formats: list[str]) -> BinarySheet:
    sheet = BinarySheet()
    row = 0
    for kind, body in _records(part):
        if kind == _ROW:
            row = struct.unpack_from("<I", body)[0]
            if body[11] & 0x10:
                sheet.rows.add(row)
        elif kind == _COLUMN:
            first, last = struct.unpack_from("<II", body)
            if struct.unpack_from("<H", body, 16)[0] & 0x01:
                sheet.columns |= set(range(first, min(last, first + _MOST_COLUMNS) + 1))
        elif kind in _CELLS:
            column, style = struct.unpack_from("<II", body)
            style &= 0xFFFFFF
            if style < len(formats):
                sheet.formats[row, column] = formats[style]
    return sheet


def _records(part: bytes) -> Iterator[tuple[int, bytes]]:
    """Records by their kind, each with its bytes."""
    at = 0
    while at < len(part):
        kind, at = part[at], at + 1
        if kind & 0x80:
            kind, at = (kind & 0x7F) | (part[at] << 7), at + 1
        size = 0
        for shift in range(0, 28, 7):
            byte, at = part[at], at + 1
            size |= (byte & 0x7F) << shift
            if not byte & 0x80:
                break
        yield kind, part[at : at + size]
        at += size


def _text(body: bytes, at: int) -> tuple[str, int]:
    """A text and where it ends."""
    end = at + 4 + 2 * struct.unpack_from("<I", body, at)[0]
    return body[at + 4 : end].decode("utf-16-le"), end
