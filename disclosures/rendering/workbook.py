"""Workbooks: one sheet per form, as departments attach them to their portal."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from disclosures.amounts import parse_amount
from disclosures.rendering.document import Document, PartTitle
from disclosures.rendering.grid import placed
from disclosures.rendering.layout import Layout
from disclosures.rendering.narrative import Paragraph
from disclosures.rendering.tables import Cell, Table

#: A workbook is a zip with dates; a fixed one keeps equal content equal in bytes.
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - openpyxl takes naive times

_THIN = Side(style="thin")
_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")


def render_workbook(document: Document, layout: Layout) -> bytes:
    """The document as xlsx bytes: text parts on a sheet 说明, every table on its own."""
    book = Workbook()
    book.remove(book.active)
    book.properties.created = book.properties.modified = _EPOCH
    names: set[str] = set()
    texts = [b for b in document.blocks if isinstance(b, PartTitle | Paragraph)]
    if layout.cover or texts:
        _text_sheet(book.create_sheet(_unique("说明", names)), document, layout)
    for table in document.tables:
        name = layout.sheet.name.format(
            mark=table.mark or table.title, title=table.title, key=table.key, place=table.place
        )
        _table_sheet(book.create_sheet(_unique(name, names)), table, layout)
    written = io.BytesIO()
    book.save(written)
    return fixed_dates(written.getvalue())


def fixed_dates(archive: bytes) -> bytes:
    """A zip of the same members with one fixed time; office files are zips."""
    rewritten = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(rewritten, "w") as new:
        for member in old.infolist():
            info = zipfile.ZipInfo(member.filename, (2000, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            content = old.read(member)
            if member.filename == "docProps/core.xml":
                # openpyxl stamps the moment of saving whatever the properties say.
                content = re.sub(
                    rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2000-01-01T00:00:00Z", content
                )
            new.writestr(info, content)
    return rewritten.getvalue()


def _unique(name: str, names: set[str]) -> str:
    base = _FORBIDDEN.sub(" ", name).strip()[:28] or "表"
    unique, place = base, 2
    while unique in names:
        unique, place = f"{base} {place}", place + 1
    names.add(unique)
    return unique


def _text_sheet(sheet: Worksheet, document: Document, layout: Layout) -> None:
    sheet.column_dimensions["A"].width = 100
    row = 1
    if layout.cover:
        for text in (document.title, *document.subtitle):
            _write_text(sheet, row, 1, text)
            sheet.cell(row, 1).font = Font(size=16, bold=row == 1)
            row += 1
    for block in document.blocks:
        if isinstance(block, Table):
            continue
        _write_text(sheet, row, 1, block.text)
        sheet.cell(row, 1).alignment = Alignment(wrap_text=True, vertical="top")
        if isinstance(block, PartTitle) or block.level:
            sheet.cell(row, 1).font = Font(bold=True)
        row += 1


def _write_text(sheet: Worksheet, row: int, column: int, text: str) -> None:
    """Text is text: a name that begins with = is no formula."""
    cell = sheet.cell(row, column)
    cell.value = text
    cell.data_type = "s"


def _table_sheet(sheet: Worksheet, table: Table, layout: Layout) -> None:
    columns = table.columns
    total = sum(table.widths)
    for position, width in enumerate(table.widths, start=1):
        letter = get_column_letter(position)
        sheet.column_dimensions[letter].width = max(6.0, width / total * (110 + 4 * columns))
    row = 1
    for line in table.top:
        row = _top_line(sheet, row, columns, line.left, line.center, line.right, table.title)
    ruled = layout.page.rules == "all" or not table.key
    for offset, position, cell in placed((*table.header, *table.body)):
        _cell(sheet, row + offset, position + 1, cell, layout, ruled)
    row += len(table.header) + len(table.body)
    for note in table.notes:
        _write_text(sheet, row, 1, note)
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=columns)
        sheet.cell(row, 1).alignment = Alignment(wrap_text=True)
        row += 1
    sheet.page_setup.orientation = "landscape" if table.landscape else "portrait"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True


def _top_line(
    sheet: Worksheet, row: int, columns: int, left: str, center: str, right: str, title: str
) -> int:
    if center and not (left or right):
        _write_text(sheet, row, 1, center)
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=columns)
        sheet.cell(row, 1).alignment = Alignment(horizontal="center", vertical="center")
        if center == title:
            sheet.cell(row, 1).font = Font(size=16)
            sheet.row_dimensions[row].height = 28
        return row + 1
    places = ((1, left, "left"), ((columns + 1) // 2, center, "center"), (columns, right, "right"))
    for column, text, side in places:
        if text:
            _write_text(sheet, row, column, text)
            sheet.cell(row, column).alignment = Alignment(horizontal=side)
    return row + 1


def _cell(sheet: Worksheet, row: int, column: int, cell: Cell, layout: Layout, ruled: bool) -> None:
    written = sheet.cell(row, column)
    amount = parse_amount(cell.text) if cell.amount and layout.sheet.as_numbers else None
    if amount is not None and amount.value is not None and not cell.heading:
        # Figures have two to six decimals; a double holds them as they are printed.
        written.value = float(amount.value)
        written.number_format = layout.sheet.number_format
    elif cell.text:
        _write_text(sheet, row, column, cell.text)
    written.alignment = Alignment(
        horizontal=cell.align, vertical="center", wrap_text=not cell.amount
    )
    if cell.colspan > 1 or cell.rowspan > 1:
        sheet.merge_cells(
            start_row=row,
            end_row=row + cell.rowspan - 1,
            start_column=column,
            end_column=column + cell.colspan - 1,
        )
    if ruled:
        border = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
        for below in range(row, row + cell.rowspan):
            for beside in range(column, column + cell.colspan):
                sheet.cell(below, beside).border = border
