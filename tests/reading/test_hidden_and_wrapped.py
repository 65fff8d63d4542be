"""What office files and web pages hold and do not show, and what only wraps what they show."""

from __future__ import annotations

import copy
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from lxml import html

from bench.accuracy import compare, declared_empty, expected_cells, figures_for, printed_layouts
from disclosures.model import Reading
from disclosures.reading import read_document
from disclosures.reading.readers.number_format import shown_number
from disclosures.rendering import render

LAYOUT, SEED = printed_layouts()["xinjiang_excel"], 4
FIGURES = figures_for(LAYOUT, SEED)
FIGURE = re.compile(r"\d\.\d\d$")


def read_exactly(path: Path, body: bytes) -> Reading:
    """Read a file and demand every printed cell of its forms."""
    path.write_bytes(body)
    reading = read_document(path)
    expected = expected_cells(FIGURES, LAYOUT)
    tally = compare(expected, declared_empty(FIGURES), reading)
    assert (tally.exact, tally.silent, tally.invented) == (len(expected), 0, 0), tally.examples[:5]
    assert all(fact.agreed for fact in reading.facts)
    return reading


def web_page(change: Callable[[Any], None]) -> bytes:
    root = html.document_fromstring(render(FIGURES, LAYOUT, "html").decode())
    for table in list(root.iter("table")):
        change(table)
    return bytes(html.tostring(root, encoding="utf-8"))


def figure_cells(table: Any) -> list[Any]:
    return [cell for cell in table.iter("td") if FIGURE.search(cell.text or "")]


def row_that_is_hidden(table: Any) -> None:
    row = list(table.iter("tr"))[-1]
    other = copy.deepcopy(row)
    other.set("style", "height:0; DISPLAY : none")
    for cell in figure_cells(other):
        cell.text = "99.99"
    row.addprevious(other)


def cells_that_are_hidden(table: Any) -> None:
    for row in table.iter("tr"):
        row[-1].addprevious(html.fromstring('<td style="display:none">88.88</td>'))


def words_that_are_hidden(table: Any) -> None:
    for cell in figure_cells(table):
        cell.append(html.fromstring('<span style="display:none">7</span>'))


def table_that_is_hidden(table: Any) -> None:
    other = html.fromstring('<div style="display:none"></div>')
    other.append(copy.deepcopy(table))
    for cell in figure_cells(other):
        cell.text = f"9{cell.text}"
    table.addprevious(other)


def figures_in_frames(table: Any) -> None:
    for cell in figure_cells(table)[::9]:
        frame = html.fromstring(f"<table><tr><td>{cell.text}</td></tr></table>")
        cell.text = None
        cell.append(frame)


def figures_in_fields(table: Any) -> None:
    for cell in figure_cells(table):
        cell.append(html.fromstring(f'<input type="text" value="{cell.text}">'))
        cell.text = None


def every_cell_over_two_columns(table: Any) -> None:
    for cell in table.iter("td", "th"):
        cell.set("colspan", str(2 * int(cell.get("colspan", "1"))))


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (row_that_is_hidden, "隐藏的文字或单元格，未读"),
        (cells_that_are_hidden, "隐藏的文字或单元格，未读"),
        (words_that_are_hidden, "隐藏的文字或单元格，未读"),
        (table_that_is_hidden, "隐藏的表格与显示的重复，未读"),
        (figures_in_frames, None),
        (figures_in_fields, None),
        (every_cell_over_two_columns, None),
    ],
)
def test_a_web_page_is_read_as_it_shows(
    tmp_path: Path, change: Callable[[Any], None], note: str | None
) -> None:
    reading = read_exactly(tmp_path / "page.html", web_page(change))
    assert [n for n in reading.notes if "隐藏" in n] == [
        n for n in reading.notes if note and note in n
    ]
    assert bool(reading.notes) is bool(note)


def test_sheets_of_which_a_page_shows_one_at_a_time_are_read(tmp_path: Path) -> None:
    root = html.document_fromstring(render(FIGURES, LAYOUT, "html").decode())
    for table in list(root.iter("table"))[1:]:
        tab = html.fromstring('<div style="display:none"></div>')
        table.addprevious(tab)
        tab.append(table)
    read_exactly(tmp_path / "page.html", html.tostring(root, encoding="utf-8"))


def word_document(change: Callable[[Any], None]) -> bytes:
    document = docx.Document(io.BytesIO(render(FIGURES, LAYOUT, "docx")))
    for table in list(document.element.body.iter(qn("w:tbl"))):
        change(table)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def figure_runs(table: Any) -> list[Any]:
    return [run for run in table.iter(qn("w:r")) if FIGURE.search(run.findtext(qn("w:t")) or "")]


def wrapped_in(*tags: str) -> Callable[[Any], None]:
    def change(table: Any) -> None:
        for run in figure_runs(table):
            holder = run
            for tag in reversed(tags):
                outer = OxmlElement(tag)
                holder.addprevious(outer)
                outer.append(holder)
                holder = outer

    return change


def hidden_beside(table: Any) -> None:
    for run in figure_runs(table):
        other = copy.deepcopy(run)
        other.find(qn("w:t")).text = "7"
        other.find(qn("w:rPr")).append(OxmlElement("w:vanish"))
        run.addnext(other)


def deleted_row(table: Any) -> None:
    row = list(table.iter(qn("w:tr")))[-1]
    other = copy.deepcopy(row)
    about = OxmlElement("w:trPr")
    about.append(OxmlElement("w:del"))
    for old in other.findall(qn("w:trPr")):
        other.remove(old)
    other.insert(0, about)
    for run in figure_runs(other):
        run.find(qn("w:t")).text = "99.99"
    row.addprevious(other)


def in_a_content_control(tag: str) -> Callable[[Any], None]:
    def change(table: Any) -> None:
        elements = [table] if tag == "w:tbl" else list(table.iter(qn(tag)))[::3]
        for element in elements:
            control, content = OxmlElement("w:sdt"), OxmlElement("w:sdtContent")
            control.append(content)
            element.addprevious(control)
            content.append(element)

    return change


def in_a_table_of_one_cell(table: Any) -> None:
    outer = docx.Document().add_table(1, 1)._tbl
    table.addprevious(outer)
    outer.find(f".//{qn('w:tc')}").append(table)


@pytest.mark.parametrize(
    "change",
    [
        wrapped_in("w:ins"),
        wrapped_in("w:smartTag"),
        wrapped_in("w:fldSimple"),
        wrapped_in("w:sdt", "w:sdtContent"),
        hidden_beside,
        deleted_row,
        *(in_a_content_control(tag) for tag in ("w:tc", "w:tr", "w:tbl")),
        in_a_table_of_one_cell,
    ],
)
def test_a_word_document_is_read_as_it_shows(tmp_path: Path, change: Callable[[Any], None]) -> None:
    read_exactly(tmp_path / "document.docx", word_document(change))


def test_hidden_figures_of_a_workbook_are_left_out_and_told(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(io.BytesIO(render(FIGURES, LAYOUT, "xlsx")))
    for sheet in book.worksheets[1:]:
        last = sheet.max_column
        for number in range(1, sheet.max_row + 1):
            sheet.cell(number, last + 1).value = 66.66
        sheet.column_dimensions[openpyxl.utils.get_column_letter(last + 1)].hidden = True
        # Hidden codes are read: without them rows could be mistaken for one another.
        if "02" in sheet.title:
            sheet.column_dimensions["A"].hidden = True
    written = io.BytesIO()
    book.save(written)
    reading = read_exactly(tmp_path / "tables.xlsx", written.getvalue())
    assert len([n for n in reading.notes if n.endswith("隐藏的1列有数字，未读")]) >= 9


def test_a_formula_without_its_result_among_others_is_unreadable(tmp_path: Path) -> None:
    source = zipfile.ZipFile(io.BytesIO(render(FIGURES, LAYOUT, "xlsx")))
    number = re.compile(rb'(<c r="[A-Z]+\d+"[^>]*?)(?: t="n")?>\s*<v>(-?\d+\.\d+)</v>')
    for missing in (False, True):
        written, done = io.BytesIO(), 0

        def formula(found: re.Match[bytes], missing: bool = missing) -> bytes:
            nonlocal done
            done += 1
            result = b"" if missing and done % 5 == 0 else b"<v>" + found[2] + b"</v>"
            return found[1] + b"><f>SUM(A1:A1)</f>" + result

        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as book:
            for name in source.namelist():
                body = source.read(name)
                sheet = "worksheets/sheet" in name
                book.writestr(name, number.sub(formula, body) if sheet else body)
        path = tmp_path / "tables.xlsx"
        if not missing:
            read_exactly(path, written.getvalue())
            continue
        path.write_bytes(written.getvalue())
        reading = read_document(path)
        tally = compare(expected_cells(FIGURES, LAYOUT), declared_empty(FIGURES), reading)
        assert (tally.silent, tally.flagged) == (0, done // 5)
        assert any("公式没有计算结果" in note for note in reading.notes)


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (4460500, '0"."0000', "446.0500"),
        (4460500, "0!.0,", "446.1"),
        (-4460500, "0\\.0,", "-446.1"),
        (5, '0"."0000', "0.0005"),
        (1234567.5, "#\\ ##0.00", "1234567.50"),
    ],
)
def test_numbers_shown_in_ten_thousands(value: float, number_format: str, shown: str) -> None:
    number = shown_number(value, number_format)
    assert (number.figure, number.shown) == (shown, None)
