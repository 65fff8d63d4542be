"""Scans: a rendered page as a picture, read back; and what confirms a recognised figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from PIL import Image, ImageChops, ImageDraw

from disclosures.amounts import CellState, MoneyUnit
from disclosures.model import DocumentKind, Fact, FormReading, Reading
from disclosures.reading import read_document
from disclosures.reading.readers.ocr_engine import (
    _NEWER,
    _OLDER,
    _decoded,
    _is_foreign,
    _recogniser,
)
from disclosures.reading.readers.ocr_seals import without_seals
from disclosures.reading.readers.ocr_tables import _shown, find_tables
from disclosures.reading.scans import _doubt, _whole
from disclosures.reading.sums import broken_rows, confirmed, unbalanced
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
        page: Image.Image = pdf[number - 1].render(scale=dpi / 72).to_pil()
        return page.convert("L")


def page_of(document: Path, form: str) -> int:
    with pypdfium2.PdfDocument(document) as pdf:
        for number in range(len(pdf)):
            text = pdf[number].get_textpage().get_text_range()
            if form in text and text.count(".") > 12:
                return number + 1
    raise AssertionError(f"{form} is not printed")


def page_of_words(document: Path) -> int:
    """The page with most of the narrative's figures on the forms' totals."""
    told = Counter(s.page for s in read_document(document).statements if s.section)
    [(page, _)] = told.most_common(1)
    assert page is not None
    return page


@pytest.fixture(scope="module")
def scanned(printed: Path) -> Reading:
    """The cover, form 05, not quite straight, and a page of the narrative."""
    cover, form = picture_of(printed, 1), picture_of(printed, page_of(printed, FORM_05))
    turned = form.rotate(0.6, fillcolor=255, resample=Image.Resampling.BICUBIC)
    words = picture_of(printed, page_of_words(printed))
    path = printed.with_name("scan.pdf")
    cover.save(path, save_all=True, append_images=[turned, words], resolution=150)
    return read_document(path)


def test_a_scanned_form_reads_as_printed(printed: Path, scanned: Reading) -> None:
    assert scanned.kind is DocumentKind.FINAL_ACCOUNTS
    assert scanned.form_keys == ("05",)
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


def test_sentences_of_a_scan_are_read_and_stay_in_doubt_unless_the_forms_print_them(
    printed: Path, scanned: Reading
) -> None:
    number = page_of_words(printed)
    expected = [s for s in read_document(printed).statements if s.page == number]
    assert len(expected) > 10
    shown = [(s.subject, s.measure, s.value, s.unit) for s in scanned.statements]
    # A sentence that goes on from the page before is cut here.
    assert {(s.measure, s.value, s.unit) for s in expected[2:]} <= {one[1:] for one in shown}
    certain = {fact.amount_wan for fact in scanned.facts if fact.agreed}
    for one in scanned.statements:
        assert one.note is not None
        assert one.note.startswith("图像识别")
        assert not one.agreed or one.value in certain
    assert any(not one.agreed for one in scanned.statements)
    # What a narrative does not say, recognition cannot tell for certain.
    assert (scanned.topics, scanned.remarks) == ((), ())


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


def test_a_form_whose_codes_have_gaps_is_not_whole() -> None:
    def form(facts: Sequence[Fact]) -> FormReading:
        found = FormReading(form="05", title="", pages=(1,), unit=MoneyUnit.WAN, variant="")
        [read] = _whole([found], facts)
        return read

    rows = ("total", "208", "20805", "2080501")
    facts = [fact(row, column, "47.62") for row in rows for column in ("total", "basic")]
    assert form(facts).complete
    # The same figures all the way down: no sum tells that a level is lost.
    for lost in ("208", "20805"):
        assert not form([f for f in facts if f.row != lost]).complete
    other = [fact(row, "total", "0.01") for row in ("213", "21301")]
    assert not form([*facts, *other]).complete
    assert not form([*facts, fact("208050", "total", None)]).complete


def test_blanks_count_where_nothing_hides_a_figure() -> None:
    box = (100.0, 100.0, 150.0, 112.0)
    items = [replace(fact("30205", "amount", None), form="06", page=2, bbox=box)]
    items.append(replace(fact("302", "amount", "1.00"), form="06"))
    assert [one.agreed for one in _doubt(items, {}, ())] == [True, False]
    # A seal may hide one; and where a code was misread it may be another row's blank.
    assert [one.agreed for one in _doubt(items, {}, {(2, box)})] == [False, False]
    strange = replace(items[1], row="302051", code="302051")
    assert [one.agreed for one in _doubt([*items, strange], {}, ())] == [False] * 3


def test_what_hides_figures_or_rows_is_told() -> None:
    facts = [
        fact("total", "total", "30.00"),
        fact("201", "total", "20.00"),
        fact("201", "basic", None),
        fact("213", "total", None),
        fact("213", "basic", None),
    ]
    # A row that does not add up, and a code without figures; the class that is lost.
    assert {row for _, _, row, _ in broken_rows(facts)} == {"total", "201", "213"}
    assert unbalanced(facts) == {"05"}
    amounts = {"total": "30.00", "201": "20.00", "213": "10.00"}
    whole = [fact(row, c, amount) for row, amount in amounts.items() for c in ("total", "basic")]
    assert unbalanced(whole) == frozenset()


def test_another_form_that_prints_a_figure_again_confirms_it() -> None:
    again = replace(fact("2080505", "total", "12.34"), form="03")
    assert confirmed([fact("2080505", "total", "12.34"), again]) == {
        ("05", "", "2080505", "total"),
        ("03", "", "2080505", "total"),
    }
    short = [fact("2080505", "total", "7.00"), replace(again, amount_wan=Decimal(7), text="7")]
    assert confirmed(short) == frozenset()


def test_figures_misread_alike_do_not_confirm_each_other() -> None:
    """13.00 read as 18.00 wherever it stands."""
    rows = {"total": "23.00", "201": "18.00", "213": "10.00"}
    facts = [fact(row, c, amount) for row, amount in rows.items() for c in ("total", "basic")]
    assert confirmed(facts) == frozenset()
    # A sum of several figures still proves its own.
    parts = [fact("213", "total", "10.00"), fact("213", "basic", "8.00")]
    parts += [fact("213", "project", "2.00"), fact("total", "project", "2.00")]
    facts = [f for f in facts if f.row != "213"] + parts
    assert {key[2:] for key in confirmed(facts)} == {
        ("213", "total"),
        ("213", "basic"),
        ("213", "project"),
        ("total", "project"),
    }
    assert (
        len(confirmed([replace(f, amount_wan=Decimal(13)) if f.row == "201" else f for f in facts]))
        > 4
    )


def test_figures_in_doubt_confirm_nothing() -> None:
    facts = [
        fact("201", "total", "20.00"),
        replace(fact("201", "basic", "20.00"), agreed=False),
    ]
    assert confirmed(facts) == frozenset()


def low_rows(dashed: bool, above: int = 4) -> Image.Image:
    """A table of ten low rows and three columns, with strokes in the first column that stand one
    above the other from row to row, so far from the line above."""
    page = Image.new("L", (900, 420), 255)
    draw = ImageDraw.Draw(page)
    edges, heights = (50, 350, 600, 850), range(60, 60 + 11 * 26, 26)

    def line(start: tuple[int, int], end: tuple[int, int]) -> None:
        along = 0 if start[1] == end[1] else 1
        step = 6 if dashed else max(end[along] - start[along], 1)
        for at in range(start[along], end[along], step):
            one, other = list(start), list(end)
            one[along] = at
            other[along] = min(at + (step - 3 if dashed else step), end[along])
            draw.line([*one, *other], fill=0, width=2)

    for y in heights:
        line((edges[0], y), (edges[-1], y))
    for x in edges:
        line((x, heights[0]), (x, heights[-1]))
    for y in heights[:-1]:
        for x in (120, 190, 260):
            draw.line([x, y + above, x, y + 22], fill=0, width=2)
    return page


@pytest.mark.parametrize(("dashed", "above"), [(False, 4), (True, 4), (False, 2)])
def test_strokes_in_low_rows_are_no_rulings(dashed: bool, above: int) -> None:
    [table] = find_tables(np.array(low_rows(dashed, above)), 150.0)
    columns = {(cell.box[0], cell.box[2]) for cell in table.cells}
    assert {(353, 599), (603, 849)} <= columns
    # Where the rulings have gaps themselves, strokes cannot be told from them.
    assert dashed or len(table.cells) == 30


def test_a_red_seal_hides_no_ink_and_red_print_stays() -> None:
    page = Image.new("RGB", (600, 600), "white")
    pen = ImageDraw.Draw(page)
    for y in range(100, 500, 40):
        pen.line([60, y, 540, y], fill="black", width=3)
    printed = np.asarray(page.convert("L"))
    pen.rectangle([20, 20, 60, 50], fill=(200, 30, 30))
    seal = Image.new("RGB", page.size, "white")
    ImageDraw.Draw(seal).ellipse([180, 180, 420, 420], outline=(215, 60, 60), width=9)
    sealed = np.asarray(ImageChops.multiply(page, seal))
    cleaned, [place] = without_seals(sealed, 150.0)
    assert np.allclose(place, (180, 180, 421, 421), atol=8)
    assert ((cleaned < 128) == (printed < 128))[90:].all()
    assert (cleaned[25:45, 25:55] < 128).all()
    # The outline would be found as strokes of letters and rulings.
    assert (np.asarray(Image.fromarray(sealed).convert("L")) < 128).sum() > (printed < 128).sum()


def lined(grey: int = 0) -> Image.Image:
    """A table of six rows and two columns, its upright lines of a shade, with figures in it."""
    page = Image.new("L", (700, 500), 255)
    pen = ImageDraw.Draw(page)
    for y in range(100, 401, 50):
        pen.line([60, y, 640, y], fill=0, width=2)
        for x in (100, 330, 520) if y < 400 else ():
            pen.text((x, y + 14), "1234.56", fill=20, font_size=22)
    for x in (60, 300, 640):
        pen.line([x, 100, x, 400], fill=grey, width=2)
    return page


@pytest.mark.parametrize("grain", [0, 6])
def test_a_grey_seal_hides_no_ink_and_pale_lines_stay(grain: int) -> None:
    page = lined(grey=110)
    seal = Image.new("L", page.size, 255)
    pen = ImageDraw.Draw(seal)
    pen.ellipse([200, 150, 440, 390], outline=106, width=8)
    pen.polygon([(320, 190), (250, 340), (390, 340)], fill=106)
    noise = np.random.default_rng(0).normal(0, grain, (500, 700))

    def scanned(picture: Image.Image) -> np.ndarray:
        pixels = np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)
        return np.repeat(pixels[:, :, None], 3, axis=2)

    clean, nowhere = without_seals(scanned(page), 150.0)
    assert nowhere == []
    cleaned, [place] = without_seals(scanned(ImageChops.multiply(page, seal)), 150.0)
    assert np.allclose(place, (200, 150, 441, 391), atol=8)
    # What was seal is paper; what was printed below it is as dark as elsewhere.
    bare = (np.asarray(seal) < 255) & (np.asarray(page) == 255)
    assert (cleaned[bare] > 180).mean() > 0.97
    inked = np.asarray(page) < 60
    assert (cleaned[inked] < 110).mean() > 0.99
    assert (
        len(find_tables(cleaned, 150.0)[0].cells) == len(find_tables(clean, 150.0)[0].cells) == 12
    )


def test_shaded_headings_are_no_seals() -> None:
    page = np.asarray(lined()).copy()
    page[102:150, 62:300][page[102:150, 62:300] == 255] = 150
    page[102:150, 302:640][page[102:150, 302:640] == 255] = 150
    cleaned, places = without_seals(np.repeat(page[:, :, None], 3, axis=2), 150.0)
    assert places == []
    assert (cleaned == page).all()


def test_letters_of_the_older_script_are_those_of_mainland_print() -> None:
    _, letters, foreign = _recogniser()
    assert len(_OLDER) == len(_NEWER) == len(set(_OLDER))
    older, newer = {*_OLDER}, {*_NEWER}
    assert not older & {*letters}
    assert not any(foreign[n] for n, letter in enumerate(letters) if letter in newer)
    assert all(_is_foreign(letter) for letter in older)
    twice = [letters.index("决"), len(letters) - 1 - letters[::-1].index("决")]
    assert twice[0] != twice[1]
    steps = np.zeros((2, len(letters)), dtype=np.float32)
    steps[[0, 1], twice] = 1
    assert _decoded(steps, letters, foreign) == ("决", 1.0)


def test_a_letter_foreign_to_mainland_print_gives_way_to_a_likely_one_of_it() -> None:
    letters = ("", "决", "決", "堃", "1")
    foreign = np.array([False, False, True, True, False])
    steps = [
        (0.9, 0.0, 0.1, 0.0, 0.0),
        (0.0, 0.1, 0.9, 0.0, 0.0),
        (0.0, 0.6, 0.4, 0.0, 0.0),
        (0.9, 0.0, 0.0, 0.1, 0.0),
        (0.001, 0.0, 0.0, 0.998, 0.001),
    ]
    text, score = _decoded(np.array(steps, dtype=np.float32), letters, foreign)
    # 决 and 決 are one letter that goes over two steps; nothing else looks like 堃.
    assert (text, round(score, 2)) == ("决堃", 1.0)


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        ("3,190,911,00", "3,190,911.00"),
        ("-3,190.911.00", "-3,190,911.00"),
        ("12,34", "12.34"),
        # Nothing tells which of the two these are, or that they are either.
        ("1.234", "1.234"),
        ("1234,567,8", "1234,567,8"),
        ("12,3456.00", "12,3456.00"),
        (" ", "？"),
    ],
)
def test_points_and_commas_are_told_by_the_digits_after_them(seen: str, shown: str) -> None:
    assert _shown(seen) == shown
