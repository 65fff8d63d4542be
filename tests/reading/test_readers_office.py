from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest
from docx import Document
from openpyxl.worksheet.worksheet import Worksheet

from disclosures.amounts import CellState
from disclosures.model import DocumentKind, Fact, Reading, Side
from disclosures.reading import read_document
from disclosures.reading.grids import Grid, GridCell, PageText
from disclosures.reading.readers.base import UnreadableError
from disclosures.reading.readers.calamine_reader import CalamineReader
from disclosures.reading.readers.docx_reader import DocxReader
from disclosures.reading.readers.html_reader import HtmlReader
from disclosures.reading.readers.number_format import shown_number
from disclosures.reading.recognise import recognise
from disclosures.reading.sniff import MediaType, sniff

TITLE = "某市某局2023年度部门决算"
FORM_05 = "一般公共预算财政拨款支出决算表"
HEAD = ("科目编码", "科目名称", "本年支出合计", "基本支出", "项目支出")
ROWS = (
    ("", "合计", 100.5, 60.25, 40.25),
    ("208", "社会保障和就业支出", 30.0, 30.0, 0.0),
    ("20805", "行政事业单位养老支出", 30.0, 30.0, 0.0),
    ("2080505", "机关事业单位基本养老保险缴费支出", 30.0, 30.0, 0.0),
    ("213", "农林水支出", 70.5, 30.25, 40.25),
    ("21301", "农业农村", 70.5, 30.25, 40.25),
    ("2130101", "行政运行", 70.5, 30.25, 40.25),
)


def write_sheet(sheet: Worksheet, number_format: str = "#,##0.00") -> None:
    sheet["A1"] = f"{TITLE}"
    sheet["A2"] = FORM_05
    sheet.merge_cells("A2:E2")
    sheet["E3"] = "公开05表"
    sheet["A4"] = "部门：某市某局"
    sheet["E4"] = "单位：万元"
    sheet.append(HEAD)
    for row in ROWS:
        sheet.append(row)
    for line in sheet.iter_rows(min_row=6, min_col=3, max_col=5):
        for cell in line:
            cell.number_format = number_format


def by_key(reading: Reading) -> dict[tuple[str, str], Fact]:
    return {(fact.row, fact.column): fact for fact in reading.facts}


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (12.5, "General", "12.5"),
        (2010101.0, "General", "2010101"),
        (0.1 + 0.2, "General", "0.3"),
        (12.5, "0.00", "12.50"),
        (1234.5, "#,##0.00", "1234.50"),
        (-1234.5, "#,##0.00_);[Red]\\(#,##0.00\\)", "-1234.50"),
        (2.675, "0.00", "2.68"),
        (-0.001, "0.00", "0.00"),
        (0, "0.00;-0.00;;@", ""),
        (0, '_ * #,##0.00_ ;_ * -#,##0.00_ ;_ * "-"??_ ;_ @_ ', "-"),
        (1234567, "#,##0.00,", "1234.57"),
        (0.125, "0.0%", "12.5%"),
        (7, "@", "7"),
        (3.14159, "0.000000", "3.141590"),
    ],
)
def test_numbers_are_shown_as_their_format_says(
    value: float, number_format: str, shown: str
) -> None:
    number = shown_number(value, number_format)
    assert (number.figure, number.shown) == (shown, None)


def test_spreadsheet_keeps_the_decimals_that_it_shows(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert isinstance(sheet, Worksheet)
    sheet.title = "公开05"
    write_sheet(sheet)
    hidden = workbook.create_sheet("草稿")
    hidden["A1"] = "不公开"
    hidden.sheet_state = "hidden"
    path = tmp_path / "tables.pdf"  # named wrongly, as on portals
    workbook.save(path)

    reading = read_document(path, media_type="application/pdf")

    assert reading.kind is DocumentKind.FINAL_ACCOUNTS
    assert reading.media_type == MediaType.XLSX
    assert reading.form_keys == ("05",)
    facts = by_key(reading)
    assert len(facts) == 3 * len(ROWS)
    assert facts["total", "total"].text == "100.50"
    assert facts["208", "project"].text == "0.00"
    assert {fact.decimals for fact in reading.facts} == {2}
    assert all(fact.agreed and fact.readers == ("calamine",) for fact in reading.facts)
    assert all(fact.page is None for fact in reading.facts)
    assert any("草稿" in note for note in reading.notes)
    assert any(note.startswith("网站称其为application/pdf") for note in reading.notes)


def test_zero_that_the_sheet_hides_is_blank(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert isinstance(sheet, Worksheet)
    write_sheet(sheet, "0.00;-0.00;")
    path = tmp_path / "tables.xlsx"
    workbook.save(path)
    assert by_key(read_document(path))["208", "project"].state is CellState.BLANK


def test_formulas_that_nobody_calculated_are_unreadable_not_blank(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert isinstance(sheet, Worksheet)
    write_sheet(sheet)
    sheet["C6"] = "=C7+C10"
    path = tmp_path / "tables.xlsx"
    workbook.save(path)
    reading = read_document(path)
    assert by_key(reading)["total", "total"].state is CellState.UNREADABLE
    assert any("公式没有计算结果" in note for note in reading.notes)


def test_word_tables_with_merged_cells_and_titles_above(tmp_path: Path) -> None:
    document = Document()
    document.add_paragraph(TITLE)
    for line in (FORM_05, "公开05表", "部门：某市某局", "单位：万元"):
        document.add_paragraph(line)
    table = document.add_table(rows=2, cols=5)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "项目"
    for column, text in enumerate(HEAD[2:], start=2):
        table.cell(0, column).merge(table.cell(1, column)).text = text
    table.cell(1, 0).text, table.cell(1, 1).text = HEAD[:2]
    for row in ROWS:
        cells = table.add_row().cells
        for cell, value in zip(cells, row, strict=True):
            cell.text = value if isinstance(value, str) else f"{value:.2f}"
    document.add_paragraph("注：本表反映部门本年度一般公共预算财政拨款支出情况。")
    path = tmp_path / "accounts.docx"
    document.save(str(path))

    grid = DocxReader().read(path).grids[0]
    head = [[cell.text for cell in row] for row in grid.rows[-len(ROWS) - 2 : -len(ROWS)]]
    assert head == [["项目", "", *HEAD[2:]], [*HEAD[:2], "", "", ""]]

    reading = read_document(path)
    assert reading.kind is DocumentKind.FINAL_ACCOUNTS
    facts = by_key(reading)
    assert len(facts) == 3 * len(ROWS)
    assert facts["2130101", "project"].text == "40.25"
    assert all(fact.readers == ("python-docx",) for fact in reading.facts)


def test_web_page_with_inline_tables(tmp_path: Path) -> None:
    body = "".join(
        "<tr>"
        + "".join(
            f"<td><p><span>{value if isinstance(value, str) else f'{value:.2f}'}</span></p></td>"
            for value in row
        )
        + "</tr>"
        for row in ROWS
    )
    page = f"""<html><head><meta charset="gbk"><title>{TITLE}</title>
    <script>var x = "<table></table>";</script></head><body>
    <table class="layout"><tr><td><div>首页 &gt; 公开</div><h1>{TITLE}</h1>
    <p>{FORM_05}</p><p>公开05表</p><p>单位：万元</p>
    <table><tr><th colspan="2">项目</th><th rowspan="2">本年支出合计</th>
    <th rowspan="2">基本支出</th><th rowspan="2">项目支出</th></tr>
    <tr><th>科目编码</th><th>科目名称</th></tr>{body}</table></td></tr></table></body></html>"""
    path = tmp_path / "page.pdf"
    path.write_bytes(page.encode("gb18030"))

    extraction = HtmlReader().read(path)
    assert len(extraction.grids) == 1
    assert "var x" not in extraction.texts[0].text

    reading = read_document(path)
    assert reading.media_type == MediaType.HTML
    assert reading.kind is DocumentKind.FINAL_ACCOUNTS
    facts = by_key(reading)
    assert len(facts) == 3 * len(ROWS)
    assert facts["total", "basic"].text == "60.25"


def test_web_page_with_a_broken_byte_is_read_and_the_figure_that_it_hit_is_not(
    tmp_path: Path,
) -> None:
    body = "".join(
        f"<tr><td>{code}</td><td>{name}</td><td>{a}</td><td>{b}</td><td>{c}</td></tr>"
        for code, name, a, b, c in ROWS
    )
    head = "".join(f"<th>{title}</th>" for title in HEAD)
    prose = "<p>本部门严格执行预算，按照规定公开决算。</p>" * 20
    page = f"<html><body><h1>{TITLE}</h1>{prose}<p>{FORM_05}</p><p>单位：万元</p>"
    page += f"<table><tr>{head}</tr>{body}</table></body></html>"
    path = tmp_path / "page.html"
    path.write_bytes(page.encode().replace(b"<td>60.25</td>", b"<td>60.\xff5</td>"))
    reading = read_document(path)
    facts = by_key(reading)
    assert reading.notes == ("网页中有1个损坏的字符",)
    assert facts["total", "basic"].state is CellState.UNREADABLE
    assert facts["total", "total"].text == "100.5"


def test_web_page_without_accounts_says_why(tmp_path: Path) -> None:
    path = tmp_path / "notice.pdf"
    path.write_text("<html><body><p>您访问的页面不存在</p></body></html>", encoding="utf-8")
    reading = read_document(path)
    assert reading.kind is DocumentKind.OTHER
    assert reading.reason


def test_deeply_nested_page_does_not_break_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "deep.html"
    path.write_text("<html><body>" + "<div>" * 20000 + "x", encoding="utf-8")
    assert read_document(path).kind in (DocumentKind.OTHER, DocumentKind.UNREADABLE)


def test_cut_workbook_and_document_are_unreadable_with_a_reason(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert isinstance(sheet, Worksheet)
    write_sheet(sheet)
    path = tmp_path / "tables.xlsx"
    workbook.save(path)
    path.write_bytes(path.read_bytes()[:2500])
    with pytest.raises(UnreadableError):
        CalamineReader().read(path)
    reading = read_document(path)
    assert reading.kind is DocumentKind.UNREADABLE
    assert reading.reason
    assert len(reading.sha256) == 64


def test_workbook_with_a_lost_sheet_is_unreadable_not_incomplete(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert isinstance(sheet, Worksheet)
    write_sheet(sheet)
    write_sheet(workbook.create_sheet("二"))
    whole, path = tmp_path / "whole.xlsx", tmp_path / "damaged.xlsx"
    workbook.save(whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w") as target:
        for member in source.namelist():
            body = source.read(member)
            target.writestr(member, body[:200] if member.endswith("sheet2.xml") else body)
    reading = read_document(path)
    assert reading.kind is DocumentKind.UNREADABLE
    assert "损坏" in (reading.reason or "")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"%PDF-1.7\n...", MediaType.PDF),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook\0".encode("utf-16-le"), MediaType.XLS),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument\0".encode("utf-16-le"), MediaType.DOC),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage\0".encode("utf-16-le"),
            MediaType.ENCRYPTED_OFFICE,
        ),
        (b"Rar!\x1a\x07\x01\x00", MediaType.RAR),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", MediaType.JPEG),
        ("﻿<!DOCTYPE html><html>".encode(), MediaType.HTML),
        ("收入支出决算总表\t单位：万元".encode("gb18030"), MediaType.TEXT),
        (rb"{\rtf1\ansi\ansicpg936 \'ca\'d5}", MediaType.RTF),
        (
            b'MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="x"\r\n\r\n<html>',
            MediaType.MHTML,
        ),
        (b"", MediaType.EMPTY),
        (b"\x00" * 900, MediaType.EMPTY),
        (bytes(range(256)) * 4, MediaType.BINARY),
    ],
)
def test_media_type_is_told_by_content(body: bytes, expected: MediaType) -> None:
    assert sniff(body) is expected


@pytest.mark.parametrize("body", [b"", b"\x00\x01\x02garbage" * 99, b"PK\x03\x04 not a zip"])
def test_garbage_is_unreadable_with_a_reason(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "file.xlsx"
    path.write_bytes(body)
    reading = read_document(path)
    assert reading.kind is DocumentKind.UNREADABLE
    assert reading.reason


def test_missing_file_is_unreadable_with_a_reason(tmp_path: Path) -> None:
    reading = read_document(tmp_path / "none.pdf")
    assert reading.kind is DocumentKind.UNREADABLE
    assert "无法打开" in (reading.reason or "")


def cells(*rows: tuple[str, ...]) -> tuple[tuple[GridCell, ...], ...]:
    return tuple(tuple(GridCell(text) for text in row) for row in rows)


HEAD_06 = ("科目编码", "科目名称", "金额", "科目编码", "科目名称", "金额")
TITLE_06 = "一般公共预算财政拨款基本支出决算表"


def test_total_that_begins_like_an_economic_code_is_a_figure() -> None:
    grid = Grid(
        "r",
        None,
        cells(
            (TITLE_06,),
            HEAD_06,
            ("301", "工资福利支出", "657.94", "302", "商品和服务支出", "392,500.00"),
            ("30101", "基本工资", "301.79", "30201", "办公费", "302,100.00"),
            ("人员经费合计", "", "301.79", "公用经费合计", "", "392,500.00"),
        ),
    )
    [(_, facts)] = recognise([grid], [PageText(None, TITLE_06)])
    read = {fact.row: fact.text for fact in facts}
    assert read["personnel_total"] == "301.79"
    assert read["public_total"] == "392,500.00"
    assert read["30201"] == "302,100.00"


def test_last_rows_on_a_page_of_their_own_belong_to_the_form() -> None:
    first = cells(
        HEAD_06,
        ("301", "工资福利支出", "527.36", "302", "商品和服务支出", "39.25"),
        ("30101", "基本工资", "527.36", "30201", "办公费", "39.25"),
    )
    last = cells(HEAD_06, ("人员经费合计", "", "527.36", "公用经费合计", "", "39.25"))
    grids = [Grid("r", 1, first), Grid("r", 2, last)]
    [(form, facts)] = recognise(grids, [PageText(1, TITLE_06), PageText(2, "")])
    assert form.pages == (1, 2)
    assert {fact.row: fact.text for fact in facts}["public_total"] == "39.25"


def test_lines_of_04_on_the_next_page_are_no_headings() -> None:
    title = "财政拨款收入支出决算总表"
    funds = ("一般公共预算财政拨款", "政府性基金预算财政拨款", "国有资本经营预算财政拨款")
    first = cells(
        ("收入", "", "", "支出", "", "", "", "", ""),
        ("项目", "行次", "金额", "项目", "行次", "合计", *funds),
        ("栏次", "", "1", "栏次", "", "2", "3", "4", "5"),
        (
            "一、一般公共预算财政拨款",
            "1",
            "9.00",
            "一、一般公共服务支出",
            "33",
            "9.00",
            "9.00",
            "",
            "",
        ),
        ("本年收入合计", "27", "9.00", "本年支出合计", "59", "9.00", "9.00", "", ""),
        ("年初财政拨款结转和结余", "28", "", "年末财政拨款结转和结余", "60", "", "", "", ""),
    )
    last = cells(
        ("一般公共预算财政拨款", "29", "", "", "61", "", "", "", ""),
        ("政府性基金预算财政拨款", "30", "", "", "62", "", "", "", ""),
        ("总计", "32", "9.00", "总计", "64", "9.00", "9.00", "", ""),
    )
    grids = [Grid("r", 1, first), Grid("r", 2, last)]
    [(form, facts)] = recognise(grids, [PageText(1, title), PageText(2, "")])
    assert form.pages == (1, 2)
    read = {(fact.side, fact.row, fact.column): fact.text for fact in facts}
    assert read[Side.INCOME, "grand_total", "amount"] == "9.00"
    assert read[Side.EXPENSE, "grand_total", "general_budget"] == "9.00"
