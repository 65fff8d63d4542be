"""Boxes are those of the visible page, whatever the sheet's corners and turn, for every reader."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium
import pytest

from disclosures.model import Box
from disclosures.reading import read_document
from disclosures.reading.pdf import FormsRead, _testify
from disclosures.reading.readers.base import Reader
from disclosures.reading.readers.pdf_text import PdfTextReader
from disclosures.reading.readers.pdfplumber_reader import PdfplumberReader
from disclosures.reading.readers.tablers_reader import TablersReader
from disclosures.reading.readers.tabula_reader import TabulaReader
from disclosures.rendering import render
from disclosures.rendering.figures import Figures, Narrative
from disclosures.rendering.synthetic import synthetic_figures

READERS: tuple[Reader, ...] = (TablersReader(), TabulaReader(), PdfplumberReader())


def small() -> Figures:
    whole = synthetic_figures(11)
    forms = whole.forms.model_copy(update=dict.fromkeys(("f02", "f03", "f04", "f06", "f07", "f08")))
    return whole.model_copy(
        update={"forms": forms, "narrative": Narrative(), "performance": type(whole.performance)()}
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("boxes") / "plain.pdf"
    path.write_bytes(render(small(), "shandong", "pdf"))
    return path


def laid(path: Path, to: Path, turn: int, margin: float, origin: tuple[float, float]) -> Path:
    """The same visible pages: turned back by the page's own turn, the visible part beginning at
    ``origin``, within a sheet larger by unequal margins."""
    document = pypdfium2.PdfDocument(path)
    left, bottom = origin
    for page in document:
        width, height = page.get_size()
        matrix, width, height = {
            0: ((1, 0, 0, 1, 0, 0), width, height),
            90: ((0, 1, -1, 0, height, 0), height, width),
            180: ((-1, 0, 0, -1, width, height), width, height),
            270: ((0, -1, 1, 0, 0, width), height, width),
        }[turn]
        placed = (*matrix[:4], matrix[4] + left, matrix[5] + bottom)
        pdfium.FPDFPage_TransFormWithClip(page, pdfium.FS_MATRIX(*placed), None)
        sheet = (left - margin, bottom - 2 * margin, 3 * margin, margin)
        page.set_mediabox(*sheet[:2], left + width + sheet[2], bottom + height + sheet[3])
        page.set_cropbox(left, bottom, left + width, bottom + height)
        page.set_rotation(turn)
    document.save(to)
    document.close()
    return to


def boxes(reader: Reader, path: Path) -> dict[tuple[str, str, str, str], Box | None]:
    texts = PdfTextReader().read_pages(path, max_pages=None).texts
    witness = _testify(reader, lambda: reader.read(path, None), texts, FormsRead())
    return {fact.key: fact.bbox for fact in witness.facts}


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize(("margin", "origin"), [(0, (0, 0)), (0, (100, 50)), (40, (-30, 25))])
def test_boxes_are_those_of_the_visible_page(
    plain: Path, tmp_path: Path, turn: int, margin: float, origin: tuple[float, float]
) -> None:
    path = laid(plain, tmp_path / "laid.pdf", turn, margin, origin)
    for reader in READERS:
        expected, found = boxes(reader, plain), boxes(reader, path)
        assert expected
        assert found.keys() == expected.keys(), reader.name
        for key, box in found.items():
            assert box == pytest.approx(expected[key], abs=1.0), (reader.name, key)


@pytest.mark.parametrize("turn", [180, 270])
def test_both_readers_see_pages_that_stand_on_their_head(
    plain: Path, tmp_path: Path, turn: int
) -> None:
    reading = read_document(laid(plain, tmp_path / "laid.pdf", turn, 0, (0, 0)))
    assert reading.facts
    assert {fact.readers for fact in reading.facts} == {("tablers", "tabula")}
