"""Scans: a rendered page as a picture, read back; and what confirms a recognised figure."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image, ImageDraw

from disclosures.amounts import CellState
from disclosures.model import DocumentKind, Fact, Reading
from disclosures.reading import read_document
from disclosures.reading.sums import confirmed
from disclosures.rendering import load_figures, render

EXAMPLE = Path(__file__).parents[1] / "rendering" / "example.yaml"
FORM_05 = "一般公共预算财政拨款支出决算表"


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("printed") / "accounts.pdf"
    path.write_bytes(render(load_figures(EXAMPLE), "heilongjiang", "pdf"))
    return path


def picture_of(document: Path, number: int, dpi: int = 150) -> Image.Image:
    """A page (counted from 1) as a scanner gives it."""
    with pypdfium2.PdfDocument(document) as pdf:
        return pdf[number - 1].render(scale=dpi / 72).to_pil().convert("L")


def page_of(document: Path, form: str) -> int:
    with pypdfium2.PdfDocument(document) as pdf:
        for number in range(len(pdf)):
            text = pdf[number].get_textpage().get_text_range()
            if form in text and text.count(".") > 12:
                return number + 1
    raise AssertionError(f"{form} is not printed")


@pytest.fixture(scope="module")
def scanned(printed: Path) -> Reading:
    """The cover and form 05, the latter not quite straight."""
    cover, form = picture_of(printed, 1), picture_of(printed, page_of(printed, FORM_05))
    turned = form.rotate(0.6, fillcolor=255, resample=Image.Resampling.BICUBIC)
    path = printed.with_name("scan.pdf")
    cover.save(path, save_all=True, append_images=[turned], resolution=150)
    return read_document(path)


def test_a_scanned_form_reads_as_printed(printed: Path, scanned: Reading) -> None:
    assert scanned.kind is DocumentKind.FINAL_ACCOUNTS
    assert scanned.form_keys == ("05",)
    assert scanned.statements == ()
    number = page_of(printed, FORM_05)
    expected = {f.key: f for f in read_document(printed).facts if f.page == number}
    found = {fact.key: fact for fact in scanned.facts}
    assert {k: f.amount_wan for k, f in found.items()} == {
        k: f.amount_wan for k, f in expected.items()
    }
    assert all(fact.agreed for fact in found.values())
    total = found["05", "", "total", "total"]
    assert "置信度" in (total.note or "")
    assert (total.page, total.readers) == (2, ("ocr", "ocr-second"))
    assert total.bbox == pytest.approx(expected[total.key].bbox, abs=10)


def test_a_figure_that_no_longer_adds_up_is_suspect(printed: Path, tmp_path: Path) -> None:
    """A first digit struck out by hand."""
    form = picture_of(printed, page_of(printed, FORM_05))
    readings = {f.key: f for f in read_document(printed).facts}
    box = readings["05", "", "2080505", "basic"].bbox
    assert box is not None
    x0, top, x1, bottom = (round(edge * 150 / 72) for edge in box)
    pen = ImageDraw.Draw(form)
    pen.rectangle((x0 + 3, top + 3, x1 - 3, bottom - 3), fill=255)
    pen.line((x1 - 30, top + 8, x1 - 12, bottom - 8), fill=0, width=3)
    path = tmp_path / "scan.tif"
    picture_of(printed, 1).save(path, save_all=True, append_images=[form])
    facts = {fact.key: fact for fact in read_document(path).facts}
    assert not facts["05", "", "2080505", "basic"].agreed
    assert facts["05", "", "22102", "total"].agreed


def fact(row: str, column: str, amount: str | None) -> Fact:
    return Fact(
        form="05",
        side=None,
        row=row,
        line=None,
        code=None if row == "total" else row,
        name=row,
        column=column,
        amount_wan=None if amount is None else Decimal(amount),
        text=amount or "",
        decimals=2,
        state=CellState.BLANK if amount is None else CellState.READ,
    )


def test_sums_confirm_what_they_are_made_of() -> None:
    facts = [
        fact("total", "total", "30.00"),
        fact("total", "basic", "20.00"),
        fact("total", "project", "10.00"),
        fact("201", "total", "20.00"),
        fact("201", "basic", "20.00"),
        fact("201", "project", None),
        fact("213", "total", "10.01"),
        fact("213", "project", "10.00"),
    ]
    proven = confirmed(facts)
    # 213: its row does not add up, nor does the column of totals; that of projects does.
    assert {(row, column) for _, _, row, column in proven} == {
        ("total", "total"),
        ("total", "basic"),
        ("total", "project"),
        ("201", "total"),
        ("201", "basic"),
        ("201", "project"),
        ("213", "project"),
    }


def test_figures_in_doubt_confirm_nothing() -> None:
    facts = [
        fact("201", "total", "20.00"),
        replace(fact("201", "basic", "20.00"), agreed=False),
    ]
    assert confirmed(facts) == frozenset()
