from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest
import typst

from disclosures.reading.readers.pdf_text import PdfTextReader
from disclosures.reading.readers.tablers_reader import TablersReader
from disclosures.reading.readers.tabula_reader import TabulaReader

PAGES = (
    "narrative",
    "narrative below a rule #line(length: 100%)",
    "#table(columns: 2, [208], [1.00])",
    # A table drawn line by line.
    "#place(line(start: (0pt, 40pt), length: 90pt))#place(line(start: (0pt, 70pt), length: 90pt))"
    "#place(line(start: (0pt, 40pt), end: (0pt, 70pt)))"
    "#place(line(start: (90pt, 40pt), end: (90pt, 70pt)))#place(dy: 50pt)[1.00]",
    "#rect(width: 90pt, height: 30pt)[1.00]",
)
RULED = {3, 4, 5}


def _read(path: Path) -> set[int]:
    texts = PdfTextReader().read_pages(path, max_pages=None).texts
    return {text.page or 0 for text in texts if text.ruled}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ruled")
    source = folder / "pages.typ"
    source.write_text("#pagebreak()\n".join(f"{page}\n" for page in PAGES), encoding="utf-8")
    typst.compile(source, output=folder / "pages.pdf")
    return folder / "pages.pdf"


def test_every_page_on_which_a_reader_sees_a_table_is_ruled(pages: Path) -> None:
    seen = {
        grid.page
        for reader in (TablersReader(), TabulaReader())
        for grid in reader.read(pages).grids
    }
    assert seen == RULED
    assert _read(pages) == RULED


def test_what_stands_in_a_form_xobject_counts_as_ruled(pages: Path, tmp_path: Path) -> None:
    original, wrapped = pypdfium2.PdfDocument(pages), pypdfium2.PdfDocument.new()
    captured = original.page_as_xobject(2, wrapped)
    page = wrapped.new_page(*original[2].get_size())
    page.insert_obj(captured.as_pageobject())
    page.gen_content()
    wrapped.save(tmp_path / "wrapped.pdf")
    wrapped.close()
    original.close()
    assert _read(tmp_path / "wrapped.pdf") == {1}


def test_readers_asked_for_no_page_read_none(pages: Path) -> None:
    assert not TablersReader().read(pages, ()).grids
    assert not TabulaReader().read(pages, ()).grids
