"""What cells of workbooks show instead of their figures: read as shown, or in doubt."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
import xlwt

from bench.accuracy import compare, declared_empty, expected_cells, figures_for, printed_layouts
from disclosures.amounts import CellState
from disclosures.model import Fact, Reading
from disclosures.reading import read_document
from disclosures.reading.readers.number_format import is_date_format, shown_number
from disclosures.rendering import render

TOP = (["某市某局2023年度部门决算"], ["一般公共预算财政拨款支出决算表"], ["部门：某市某局"])
HEAD = ("科目编码", "科目名称", "本年支出合计", "基本支出", "项目支出")
ROWS = (
    ("", "合计", 1250000.0, 1000000.0, 250000.0),
    ("201", "一般公共服务支出", 1250000.0, 1000000.0, 250000.0),
    ("20101", "人大事务", 1250000.0, 1000000.0, 250000.0),
    ("2010101", "行政运行", 1000000.0, 1000000.0, 0.0),
    ("2010102", "一般行政管理事务", 250000.0, 0.0, 250000.0),
)


@pytest.mark.parametrize(
    ("number_format", "value", "figure", "shown"),
    [
        # Words that say what a figure is counted in are not lost.
        ('0.00"万"', 12.5, "12.50", "12.50万"),
        ("0.00\\万", -12.5, "-12.50", "-12.50万"),
        ('General"元"', 12.5, "12.5", "12.5元"),
        ('"约"0.00', 12.5, "12.50", "约12.50"),
        ('0!.0,"万"', 4460500, "446.1", "446.1万（实为4460500）"),
        # A minus that does not show, and one that shows without being meant.
        ("0.00;0.00", -12.5, "-12.50", "12.50（实为-12.5）"),
        ("0.00;[Red]0.00", -12.5, "-12.50", None),
        ("0.00;(0.00)", -12.5, "-12.50", None),
        ("0.00;△0.00", -12.5, "-12.50", None),
        ("(0.00)", 12.5, "12.50", "(12.50)（实为12.5）"),
        # Figures that do not show.
        (";;;", 12.5, "12.5", "（实为12.5）"),
        ("0.00;;", -12.5, "-12.5", "（实为-12.5）"),
        (";;;", 0, "", None),
        ("#", 0, "", None),
        # Sections with conditions.
        ('[=0]"-";0.00', 12.5, "12.50", None),
        ('[=0]"-";0.00', 0, "-", None),
        ("[>100]0.0;[<=100]0.00", 1234.5, "1234.5", None),
        ("[>100]0.0;[<=100]0.00", 12.5, "12.50", None),
        ('[<1]"小于1";0.00', 0.3, "0.3", "小于1（实为0.3）"),
        # By other means than digits.
        ("yyyy-mm-dd", 12.5, "12.5", "12.5（未按数字显示）"),
        ("[h]:mm", 12.5, "12.5", "12.5（未按数字显示）"),
        ("# ?/?", 12.5, "12.5", "12.5（未按数字显示）"),
        ("# ?/?", 100, "100", None),
        ("0.00E+00", 12.5, "12.5", "12.5（未按数字显示）"),
        # Padding, filling, currency and blanks change nothing.
        ('_ ¥* #,##0.00_ ;_ ¥* -#,##0.00_ ;_ ¥* "-"??_ ;_ @_ ', 0, "-", None),
        ("[$¥-804]#,##0.00", 1234.5, "1234.50", None),
        ("#,##0.00_);[Red](#,##0.00)", -1234.5, "-1234.50", None),
        ("# ##0.00", 1234567.5, "1234567.50", None),
        ("[DBNum1][$-804]General", 12.5, "12.5", None),
        ("G/通用格式", 12.5, "12.5", None),
        ("0.0#", 12.5, "12.5", None),
        (".00", 12.5, "12.50", None),
        ("000", 7, "007", None),
        ("0.00,", 12500, "12.50", None),
        ("0.00", 1e300, "0", "1E+300"),
    ],
)
def test_a_number_is_shown_as_its_format_says(
    number_format: str, value: float, figure: str, shown: str | None
) -> None:
    number = shown_number(value, number_format)
    assert (number.figure, number.shown) == (figure, shown)


def test_formats_of_dates_are_known() -> None:
    for number_format in ("yyyy-mm-dd", '[$-804]yyyy"年"m"月"', "[h]:mm", "上午/下午h:mm", "e/m/d"):
        assert is_date_format(number_format), number_format
    for number_format in ("0.00", '0.00"m"', "# ?/?", "0.00E+00", "[DBNum2]General", "[Red]0.00"):
        assert not is_date_format(number_format), number_format


def excel(number_format: str, unit: str = "万元") -> bytes:
    """Form 05 in a workbook of today, the last row hidden."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (*TOP, [f"单位：{unit}"], HEAD, *ROWS):
        sheet.append(list(row))
    for cells in sheet.iter_rows(min_row=len(TOP) + 3, min_col=3):
        for cell in cells:
            cell.number_format = number_format
    sheet.row_dimensions[sheet.max_row].hidden = True
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def excel_97(number_format: str, unit: str = "万元") -> bytes:
    """The same in a workbook of Excel 97."""
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("05")
    style = xlwt.easyxf(num_format_str=number_format)
    rows = (*TOP, [f"单位：{unit}"], HEAD, *ROWS)
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            written = (value, style) if isinstance(value, float) else (value,)
            sheet.write(number, column, *written)
    sheet.row(len(rows) - 1).hidden = True
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def binary(number_format: str, unit: str = "万元") -> bytes:
    """The same as a binary workbook (xlsb), record by record."""

    def record(kind: int, *parts: bytes | str) -> bytes:
        body = b"".join(_counted(part) if isinstance(part, str) else part for part in parts)
        number = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
        size, length = b"", len(body)
        while length > 0x7F:
            size, length = size + bytes([length & 0x7F | 0x80]), length >> 7
        return number + size + bytes([length]) + body

    rows = (*TOP, [f"单位：{unit}"], HEAD, *ROWS)
    workbook = record(143) + record(156, struct.pack("<II", 0, 1), "rId1", "05") + record(144)
    styles = record(44, struct.pack("<H", 176), number_format) + record(617, struct.pack("<I", 2))
    styles += (
        record(47, bytes(16)) + record(47, struct.pack("<HH", 0, 176), bytes(12)) + record(618)
    )
    sheet = record(148, struct.pack("<IIII", 0, len(rows) - 1, 0, len(HEAD) - 1)) + record(145)
    for at, row in enumerate(rows):
        hidden = 0x10 if row is ROWS[-1] else 0
        sheet += record(0, struct.pack("<IIHBBB", at, 0, 300, 0, hidden, 0), bytes(4))
        for column, value in enumerate(row):
            if isinstance(value, float):
                sheet += record(5, struct.pack("<IId", column, 1, value))
            else:
                sheet += record(6, struct.pack("<II", column, 0), value)
    sheet += record(146)
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = (
        f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{kind}/worksheet" Target="worksheets/sheet1.bin"/><Relationship Id="rId2" '
        f'Type="{kind}/styles" Target="styles.bin"/></Relationships>'
    )
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as out:
        out.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types"/>')
        out.writestr("xl/_rels/workbook.bin.rels", relations)
        out.writestr("xl/workbook.bin", record(131) + workbook + record(132))
        out.writestr("xl/styles.bin", record(278) + styles + record(279))
        out.writestr("xl/worksheets/sheet1.bin", record(129) + sheet + record(130))
    return written.getvalue()


def _counted(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


Workbook = Callable[..., bytes]


def read(tmp_path: Path, body: bytes) -> tuple[Reading, dict[tuple[str, str], Fact]]:
    path = tmp_path / "book"
    path.write_bytes(body)
    reading = read_document(path)
    return reading, {(fact.row, fact.column): fact for fact in reading.facts}


@pytest.mark.parametrize("workbook", [excel, excel_97, binary])
def test_old_and_new_workbooks_are_read_as_they_show(tmp_path: Path, workbook: Workbook) -> None:
    # 1,250,000 元 shown as 125.0000 万元, which the stored value alone does not tell.
    reading, facts = read(tmp_path, workbook('0"."0000'))
    assert str(facts["total", "total"].amount_wan) == "125.0000"
    assert facts["total", "total"].agreed
    # The hidden row is left out and told.
    assert ("2010102", "total") not in facts
    assert any("隐藏的1行有数字，未读" in note for note in reading.notes)


@pytest.mark.parametrize("workbook", [excel, excel_97, binary])
@pytest.mark.parametrize(
    ("number_format", "unit", "amount"),
    [
        ('0.00"万"', "万元", "1250000.00"),
        ('0.00"万元"', "万元", "1250000.00"),
        ('0.00"元"', "元", "125.000000"),
        ('0.00"万"', "元", None),
        ('0!.0,"万"', "元", None),
        ('0!.0,"万"', "万元", None),
        ("yyyy-mm-dd", "万元", None),
        ("h:mm", "元", None),
        (";;;", "万元", None),
        ('"约"0.00', "万元", None),
    ],
)
def test_words_in_a_format_count(
    tmp_path: Path, workbook: Workbook, number_format: str, unit: str, amount: str | None
) -> None:
    _, facts = read(tmp_path, workbook(number_format, unit))
    fact = facts["total", "total"]
    assert fact.state is (CellState.READ if amount else CellState.UNREADABLE), fact
    assert str(fact.amount_wan) == str(amount)


def open_document(shows: dict[float, tuple[str, str]], unit: str = "万元") -> bytes:
    """The same as an OpenDocument spreadsheet; ``shows`` tells for a figure the attributes of its
    cell and what that shows."""

    def cell(value: object) -> str:
        if isinstance(value, float):
            about, text = shows.get(
                value, (f'office:value-type="float" office:value="{value}"', "")
            )
            return f"<table:table-cell {about}><text:p>{text or value}</text:p></table:table-cell>"
        text = f"<text:p>{value}</text:p>"
        return f'<table:table-cell office:value-type="string">{text}</table:table-cell>'

    lines = (*TOP, [f"单位：{unit}"], HEAD, *ROWS)
    gone = 'table:visibility="collapse"'
    rows = [
        f"<table:table-row {gone if line is ROWS[-1] else ''}>{''.join(map(cell, line))}"
        "</table:table-row>"
        for line in lines
    ]
    name = "urn:oasis:names:tc:opendocument:xmlns:"
    content = (
        f'<?xml version="1.0"?><office:document-content xmlns:office="{name}office:1.0" '
        f'xmlns:table="{name}table:1.0" xmlns:text="{name}text:1.0"><office:body>'
        f'<office:spreadsheet><table:table table:name="05">{"".join(rows)}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        f'<m:manifest xmlns:m="{name}manifest:1.0"><m:file-entry m:full-path="content.xml" '
        'm:media-type="text/xml"/></m:manifest>'
    )
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("content.xml", content)
        package.writestr("META-INF/manifest.xml", manifest)
    return written.getvalue()


@pytest.mark.parametrize(
    ("about", "text", "amount"),
    [
        ('office:value-type="float" office:value="1250000"', "125.0000", "125.0000"),
        ('office:value-type="float" office:value="1250000"', "1,250,000.00", "1250000.00"),
        ('office:value-type="currency" office:value="1250000"', "¥1,250,000.00", "1250000.00"),
        ('office:value-type="float" office:value="1250000"', "1250000.00万", "1250000.00"),
        ('office:value-type="float" office:value="1250000"', "约1250000", None),
        ('office:value-type="float" office:value="-1250000"', "1250000.00", None),
        ('office:value-type="percentage" office:value="1250000"', "125000000.00%", None),
        ('office:value-type="date" office:date-value="1900-12-30"', "12.30", None),
        ('office:value-type="time" office:time-value="PT12H30M00S"', "12:30", None),
    ],
)
def test_open_documents_say_what_they_show(
    tmp_path: Path, about: str, text: str, amount: str | None
) -> None:
    reading, facts = read(tmp_path, open_document({1250000.0: (about, text)}))
    fact = facts["total", "total"]
    assert fact.state is (CellState.READ if amount else CellState.UNREADABLE), fact
    assert str(fact.amount_wan) == str(amount)
    assert ("2010102", "total") not in facts
    assert any("隐藏的1行有数字，未读" in note for note in reading.notes)


@pytest.mark.parametrize("number_format", ["yyyy-mm-dd", '0!.0,"万"', "0.00%"])
@pytest.mark.parametrize("layout", ["gansu_turned", "forms_last"])
def test_no_figure_of_a_workbook_of_odd_formats_is_silently_wrong(
    tmp_path: Path, layout: str, number_format: str
) -> None:
    printed = printed_layouts()[layout]
    figures = figures_for(printed, 4)
    book = openpyxl.load_workbook(io.BytesIO(render(figures, printed, "xlsx")))
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if isinstance(cell.value, int | float):
                    cell.number_format = number_format
    path = tmp_path / "tables.xlsx"
    book.save(path)
    expected = expected_cells(figures, printed)
    tally = compare(expected, declared_empty(figures), read_document(path))
    assert (tally.silent, tally.invented) == (0, 0), tally.examples[:5]
    assert tally.flagged > 200
