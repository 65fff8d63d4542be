"""Workbooks as Excel 97 (and WPS's .et), OpenDocument and Word 97 keep them, read like new ones."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import openpyxl
import pytest
import xlwt
from openpyxl.worksheet.worksheet import Worksheet

from disclosures.model import DocumentKind, Reading
from disclosures.reading import read_document
from disclosures.rendering import load_figures, render

EXAMPLE = Path(__file__).parents[1] / "rendering" / "example.yaml"
LAYOUT = "henan_sanmenxia"
MANIFEST = (
    '<?xml version="1.0"?><m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
    '<m:file-entry m:full-path="content.xml" m:media-type="text/xml"/></m:manifest>'
)


@pytest.fixture(scope="module")
def workbook() -> bytes:
    return render(load_figures(EXAMPLE), LAYOUT, "xlsx")


def sheets(workbook: bytes) -> Iterator[Worksheet]:
    yield from openpyxl.load_workbook(io.BytesIO(workbook)).worksheets


def excel_97(workbook: bytes) -> bytes:
    book = xlwt.Workbook(encoding="utf-8")
    for sheet in sheets(workbook):
        out = book.add_sheet(sheet.title[:31])
        merged = {r.coord: r for r in sheet.merged_cells.ranges}
        inner = {
            (row, column)
            for r in merged.values()
            for row in range(r.min_row, r.max_row + 1)
            for column in range(r.min_col, r.max_col + 1)
        }
        for r in merged.values():
            value = sheet.cell(r.min_row, r.min_col).value
            out.write_merge(r.min_row - 1, r.max_row - 1, r.min_col - 1, r.max_col - 1, value)
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value is not None and (cell.row, cell.column) not in inner:
                    out.write(cell.row - 1, cell.column - 1, cell.value)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def open_document(workbook: bytes) -> bytes:
    tables = []
    for sheet in sheets(workbook):
        rows = []
        for row in sheet.iter_rows():
            cells = []
            for cell in row:
                value = cell.value
                if value is None:
                    cells.append("<table:table-cell/>")
                elif isinstance(value, int | float):
                    cells.append(
                        f'<table:table-cell office:value-type="float" office:value="{value}">'
                        f"<text:p>{value}</text:p></table:table-cell>"
                    )
                else:
                    lines = "".join(f"<text:p>{escape(x)}</text:p>" for x in str(value).split("\n"))
                    cells.append(
                        f'<table:table-cell office:value-type="string">{lines}</table:table-cell>'
                    )
            rows.append(f"<table:table-row>{''.join(cells)}</table:table-row>")
        tables.append(
            f'<table:table table:name="{escape(sheet.title)}">{"".join(rows)}</table:table>'
        )
    name = "urn:oasis:names:tc:opendocument:xmlns:"
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content '
        f'xmlns:office="{name}office:1.0" xmlns:table="{name}table:1.0" '
        f'xmlns:text="{name}text:1.0"><office:body><office:spreadsheet>'
        f"{''.join(tables)}</office:spreadsheet></office:body></office:document-content>"
    )
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("content.xml", content)
        package.writestr("META-INF/manifest.xml", MANIFEST)
    return written.getvalue()


def figures_of(reading: Reading) -> dict[tuple[str, ...], object]:
    assert reading.kind is DocumentKind.FINAL_ACCOUNTS, reading.reason
    return {fact.key: (fact.amount_wan, fact.state, fact.agreed) for fact in reading.facts}


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.xls", "application/vnd.ms-excel"),
        ("a.et", "application/vnd.ms-excel"),
        ("a.ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ],
)
def test_old_and_open_workbooks(
    workbook: bytes, name: str, media_type: str, tmp_path: Path
) -> None:
    new, old = tmp_path / "new.xlsx", tmp_path / name
    new.write_bytes(workbook)
    old.write_bytes((open_document if name.endswith("ods") else excel_97)(workbook))
    reading = read_document(old)
    assert reading.media_type == media_type
    expected = figures_of(read_document(new))
    assert len(expected) > 300
    assert figures_of(reading) == expected


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize(
    ("format", "target"),
    [("docx", "doc:MS Word 97"), ("docx", "odt"), ("xlsx", "ods")],
)
def test_files_that_libreoffice_wrote(format: str, target: str, tmp_path: Path) -> None:
    source = tmp_path / f"accounts.{format}"
    source.write_bytes(render(load_figures(EXAMPLE), LAYOUT, format))
    profile = (tmp_path / "profile").as_uri()
    subprocess.run(
        [
            "soffice",
            f"-env:UserInstallation={profile}",
            "--headless",
            "--convert-to",
            target,
            "--outdir",
            str(tmp_path / "out"),
            str(source),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    [converted] = (tmp_path / "out").iterdir()
    assert figures_of(read_document(converted)) == figures_of(read_document(source))
