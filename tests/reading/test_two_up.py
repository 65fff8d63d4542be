"""Two pages on one sheet: what is read of them is in doubt, never silently wrong."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

from bench.accuracy import compare, declared_empty, expected_cells, figures_for, printed_layouts
from disclosures.model import DocumentKind
from disclosures.reading import read_document
from disclosures.reading.readers.pdf_text import PdfTextReader
from disclosures.reading.two_up import two_up_pages
from disclosures.rendering import render


def two_up(pdf: bytes, path: Path) -> None:
    with pypdfium2.PdfDocument(pdf) as single:
        whole = pypdfium2.PdfDocument(
            pdfium.FPDF_ImportNPagesToOne(single.raw, 1190.0, 842.0, 2, 1)
        )
        whole.save(str(path))
        whole.close()


def test_what_stands_side_by_side_is_in_doubt(tmp_path: Path) -> None:
    layout = printed_layouts()["sichuan"]
    figures = figures_for(layout, 4)
    path = tmp_path / "two.pdf"
    two_up(render(figures, layout, "pdf"), path)
    reading = read_document(path)
    assert reading.kind is DocumentKind.FINAL_ACCOUNTS
    assert any("一张纸上并排印有两页" in note for note in reading.notes)
    tally = compare(expected_cells(figures, layout), declared_empty(figures), reading)
    assert (tally.silent, tally.invented) == (0, 0)


def test_turned_pages_and_wide_tables_are_no_pairs(tmp_path: Path) -> None:
    for name in ("gansu_turned", "xinjiang_excel", "turned_bare", "heilongjiang"):
        layout = printed_layouts()[name]
        path = tmp_path / f"{name}.pdf"
        path.write_bytes(render(figures_for(layout, 4), layout, "pdf"))
        assert not two_up_pages(path, PdfTextReader().read_pages(path, max_pages=None).texts), name
