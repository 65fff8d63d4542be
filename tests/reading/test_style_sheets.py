"""What style sheets hide, in web pages and Word documents, is left out and told."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from lxml import html

from bench.accuracy import compare, declared_empty, expected_cells, figures_for, printed_layouts
from disclosures.model import Reading
from disclosures.reading import read_document
from disclosures.reading.readers import style_sheets
from disclosures.reading.readers.html_reader import read_page
from disclosures.rendering import render

LAYOUT = printed_layouts()["xinjiang_excel"]
FIGURES = figures_for(LAYOUT, 4)


def read_exactly(path: Path, body: bytes) -> Reading:
    path.write_bytes(body)
    reading = read_document(path)
    expected = expected_cells(FIGURES, LAYOUT)
    tally = compare(expected, declared_empty(FIGURES), reading)
    assert (tally.exact, tally.silent, tally.invented) == (len(expected), 0, 0), tally.examples[:5]
    return reading


def page_with(sheet: str) -> bytes:
    """Behind every figure another digit, and before every last row one of the class ``old``."""
    root = html.document_fromstring(render(FIGURES, LAYOUT, "html").decode())
    style = html.fromstring(f"<style>{sheet}</style>")
    head = root.find("head")
    assert head is not None
    head.append(style)
    for table in list(root.iter("table")):
        row = list(table.iter("tr"))[-1]
        other = copy.deepcopy(row)
        other.set("class", "row old")
        row.addprevious(other)
        for cell in table.iter("td"):
            if cell.text and cell.text.strip()[-1:].isdigit() and "." in cell.text:
                cell.append(html.fromstring('<span class="x secret">7</span>'))
    return bytes(html.tostring(root, encoding="utf-8"))


@pytest.mark.parametrize(
    "sheet",
    [
        ".secret, tr.old { display: none }",
        "@charset 'utf-8'; /* .a{} */ td > .secret{visibility:hidden} table .row.old{DISPLAY:NONE}",
        "@media screen { span[class~=secret], .old { display:none !important } }"
        " .old{display:table-row}",
        "<!-- span.secret { mso-hide: all } .old{display:none} a:hover{display:block} -->",
    ],
)
def test_a_page_is_read_as_its_style_sheet_shows_it(tmp_path: Path, sheet: str) -> None:
    reading = read_exactly(tmp_path / "page.html", page_with(sheet))
    assert any("隐藏的文字或单元格，未读" in note for note in reading.notes)


@pytest.mark.parametrize(
    ("sheet", "shown"),
    [
        (".a{display:none}", "b"),
        (".a{display:none} .a{display:inline}", "a b"),
        ("span.a{display:none} .a{display:inline}", "b"),
        (".a{display:none!important} span.a{display:inline}", "b"),
        ("@media print{.a{display:none}}", "a b"),
        ("@media (max-width: 600px){.a{display:none}}", "a b"),
        (".a:hover{display:none} .a::before{display:none}", "a b"),
        ("span{display:none}", "b"),
    ],
)
def test_rules_of_a_style_sheet_go_by_the_cascade(sheet: str, shown: str) -> None:
    body = (
        f"<html><head><style>{sheet}</style></head><body><p><span class=a>a </span>"
        "<span class=b style='display:inline'>b</span></p></body></html>"
    )
    assert read_page(body.encode()).texts[0].text == shown


def test_rules_that_cannot_be_followed_are_told() -> None:
    page = "<style>{}</style><p>a</p>"
    unknown = html.document_fromstring(page.format("p:nth-match(2n of .a){display:none}"))
    assert not style_sheets.hide(unknown)
    harmless = html.document_fromstring(page.format("p:nth-match(2n of .a){display:block}"))
    assert style_sheets.hide(harmless)


def hidden_by(kind: str) -> bytes:
    """A Word document with a hidden digit behind every figure, or hidden paragraphs between."""
    document = docx.Document(io.BytesIO(render(FIGURES, LAYOUT, "docx")))
    styles = document.styles
    which = WD_STYLE_TYPE.CHARACTER if kind == "run" else WD_STYLE_TYPE.PARAGRAPH
    base, derived = styles.add_style("Gone", which), styles.add_style("GoneToo", which)
    derived.base_style = base
    base.element.get_or_add_rPr().append(OxmlElement("w:vanish"))
    mark: Any = OxmlElement("w:rStyle" if kind == "run" else "w:pStyle")
    mark.set(qn("w:val"), derived.style_id)
    for run in list(document.element.body.iter(qn("w:r"))):
        text = run.find(qn("w:t"))
        if text is None or not (text.text or "")[-1:].isdigit() or "." not in text.text:
            continue
        other = copy.deepcopy(run)
        other.find(qn("w:t")).text = "7"
        if kind == "run":
            other.find(qn("w:rPr")).insert(0, copy.deepcopy(mark))
            run.addnext(other)
        else:
            paragraph = OxmlElement("w:p")
            about = OxmlElement("w:pPr")
            about.append(copy.deepcopy(mark))
            paragraph.append(about)
            paragraph.append(other)
            run.getparent().addnext(paragraph)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


@pytest.mark.parametrize("kind", ["run", "paragraph"])
def test_a_document_is_read_as_its_styles_show_it(tmp_path: Path, kind: str) -> None:
    reading = read_exactly(tmp_path / "document.docx", hidden_by(kind))
    assert any("处隐藏的文字或行，未读" in note for note in reading.notes)
