"""Two pages on one sheet: taken apart and read, or in doubt, never silently wrong."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium
import pytest

from bench.accuracy import (
    Tally,
    compare,
    declared_empty,
    expected_cells,
    figures_for,
    printed_layouts,
)
from disclosures.model import DocumentKind, Reading
from disclosures.reading import read_document
from disclosures.reading.readers.pdf_text import PdfTextReader
from disclosures.reading.two_up import two_up_pages
from disclosures.rendering import render
from disclosures.rendering.figures import Figures, Narrative

LAYOUT = printed_layouts()["heilongjiang"]


def forms_alone() -> Figures:
    whole = figures_for(LAYOUT, 4)
    return whole.model_copy(
        update={"narrative": Narrative(), "performance": type(whole.performance)()}
    )


def as_wholes(pdf: bytes, path: Path, turn: int = 0) -> None:
    """Two pages on a sheet as print servers make them: each drawn as one object. ``turn`` is how
    the sheet is turned for showing it."""
    with pypdfium2.PdfDocument(pdf) as single:
        sheets = pypdfium2.PdfDocument(
            pdfium.FPDF_ImportNPagesToOne(single.raw, 1190.0, 842.0, 2, 1)
        )
        for sheet in sheets if turn else ():
            matrix = (0, 1, -1, 0, 842.0, 0) if turn == 90 else (0, -1, 1, 0, 0, 1190.0)
            pdfium.FPDFPage_TransFormWithClip(sheet, pdfium.FS_MATRIX(*matrix), None)
            sheet.set_mediabox(0, 0, 842.0, 1190.0)
            sheet.set_cropbox(0, 0, 842.0, 1190.0)
            sheet.set_rotation(turn)
        sheets.save(str(path))
        sheets.close()


def as_letters(pdf: bytes, path: Path, *, frame: bool = False) -> None:
    """Two pages on a sheet as printer drivers make them: words and lines, one after the other.
    ``frame`` draws a line under both."""
    document = pypdfium2.PdfDocument(pdf)
    for number in range(len(document) // 2):
        left, right = document[number], document[number + 1]
        width, height = (
            max(sides) for sides in zip(left.get_size(), right.get_size(), strict=True)
        )
        left.set_mediabox(0, 0, 2 * width, height)
        left.set_cropbox(0, 0, 2 * width, height)
        for drawn in list(right.get_objects(max_depth=1)):
            right.remove_obj(drawn)
            pdfium.FPDFPageObj_Transform(drawn, 1, 0, 0, 1, width, 0)
            left.insert_obj(drawn)
        if frame:
            line = pdfium.FPDFPageObj_CreateNewRect(30, 20, 2 * width - 60, 1)
            pdfium.FPDFPath_SetDrawMode(line, pdfium.FPDF_FILLMODE_ALTERNATE, False)
            pdfium.FPDFPage_InsertObject(left, line)
        left.gen_content()
        left.close()
        right.close()
        document.del_page(number + 1)
    document.save(str(path))
    document.close()


def judged(figures: Figures, path: Path) -> tuple[Reading, Tally]:
    reading = read_document(path)
    assert reading.kind is DocumentKind.FINAL_ACCOUNTS
    return reading, compare(expected_cells(figures, LAYOUT), declared_empty(figures), reading)


@pytest.mark.parametrize("how", ["wholes", "turned right", "turned left", "letters"])
def test_the_halves_of_a_sheet_are_read_as_pages(tmp_path: Path, how: str) -> None:
    figures = forms_alone()
    path = tmp_path / "two.pdf"
    pdf = render(figures, LAYOUT, "pdf")
    if how == "letters":
        as_letters(pdf, path)
    else:
        as_wholes(pdf, path, {"turned right": 90, "turned left": 270}.get(how, 0))
    reading, tally = judged(figures, path)
    assert (tally.exact, tally.unconfirmed, tally.invented) == (tally.expected, 0, 0)
    assert "已左右拆开按单页读取" in reading.notes[0]
    # Pages and boxes are those of the sheets.
    with pypdfium2.PdfDocument(path) as sheets:
        assert reading.pages == len(sheets)
        width = max(sheet.get_width() for sheet in sheets)
        placed = [fact for fact in reading.facts if fact.bbox and fact.page and fact.text]
        assert max(fact.bbox[2] for fact in placed if fact.bbox) > 0.6 * width
        for fact in placed if how in ("wholes", "letters") else ():
            assert fact.bbox is not None
            assert fact.page is not None
            sheet = sheets[fact.page - 1]
            x0, top, x1, bottom = fact.bbox
            high = sheet.get_height()
            printed = sheet.get_textpage().get_text_bounded(x0, high - bottom, x1, high - top)
            assert fact.text in printed


def test_what_lies_across_the_middle_puts_all_in_doubt(tmp_path: Path) -> None:
    figures = forms_alone()
    path = tmp_path / "two.pdf"
    as_letters(render(figures, LAYOUT, "pdf"), path, frame=True)
    reading, tally = judged(figures, path)
    assert (tally.silent, tally.invented) == (0, 0)
    assert not any(fact.agreed for fact in reading.facts)
    assert any("一张纸上并排印有两页，表格可能混淆" in note for note in reading.notes)


def test_turned_pages_and_wide_tables_are_no_pairs(tmp_path: Path) -> None:
    for name in ("gansu_turned", "xinjiang_excel", "turned_bare", "heilongjiang"):
        layout = printed_layouts()[name]
        path = tmp_path / f"{name}.pdf"
        path.write_bytes(render(figures_for(layout, 4), layout, "pdf"))
        assert not two_up_pages(path, PdfTextReader().read_pages(path, max_pages=None).texts), name
