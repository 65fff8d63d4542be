"""Sheets on which two pages stand side by side.

Readers of tables look over a whole sheet and mix up its halves. Where everything that is drawn
lies in one half or the other, the file is taken apart: each half becomes a page, which is read as
any other, and what is read gets back its sheet and its place on it. Where something lies across
the middle, nobody can tell whether the halves are two pages, and all figures are in doubt.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from disclosures.model import Fact, FormReading, PerformanceFact, Reading, Remark, Statement
from disclosures.reading.grids import PageText
from disclosures.reading.readers.pdf_text import read_glyphs
from disclosures.reading.titles import find_titles

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

IN_DOUBT: Final = "一张纸上并排印有两页，表格可能混淆，读数存疑，请按单页重新提供"
# A sheet is wider than high; a title in the middle of one page would cross the band between two.
_LANDSCAPE: Final = 1.15
_BAND: Final = 0.01
_LEAST_LETTERS: Final = 30
# What lies across the middle by less touches it; what covers the whole sheet is its background.
_TOUCH: Final = 0.003
_WHOLE: Final = 0.9

_Paged = TypeVar("_Paged", Fact, Statement, PerformanceFact, Remark)


@dataclass(frozen=True, slots=True)
class Split:
    """A file with a page for each half. ``sheets`` are, for each page in order, the sheet that it
    is of and how far right of the sheet's left edge it begins, in points."""

    path: Path
    sheets: tuple[tuple[int, float], ...]

    @property
    def told(self) -> str:
        """What auditors read about it."""
        twice = sorted(n for n, left in self.sheets if left)
        return (
            f"第{'、'.join(map(str, twice))}页一张纸上并排印有两页，已左右拆开按单页读取；"
            "数字的页码和位置为原纸张的，其他说明中的页码为拆开后的"
        )

    def back(self, reading: Reading) -> Reading:
        """A reading of the split file as one of the file itself."""
        return replace(
            reading,
            pages=max((sheet for sheet, _ in self.sheets), default=0),
            forms=tuple(
                replace(form, pages=tuple(sorted({self.sheets[n - 1][0] for n in form.pages})))
                for form in reading.forms
            ),
            facts=tuple(self._placed(fact) for fact in reading.facts),
            statements=tuple(map(self._on_sheet, reading.statements)),
            performance=tuple(map(self._on_sheet, reading.performance)),
            remarks=tuple(map(self._on_sheet, reading.remarks)),
            notes=(self.told, *reading.notes),
        )

    def _on_sheet(self, one: _Paged) -> _Paged:
        return one if one.page is None else replace(one, page=self.sheets[one.page - 1][0])

    def _placed(self, fact: Fact) -> Fact:
        if fact.page is None or fact.bbox is None:
            return self._on_sheet(fact)
        x0, top, x1, bottom = fact.bbox
        left = self.sheets[fact.page - 1][1]
        return replace(self._on_sheet(fact), bbox=(x0 + left, top, x1 + left, bottom))


def two_up_pages(path: Path, texts: Sequence[PageText]) -> frozenset[int]:
    """The pages of a PDF that show two pages each, where one of them shows two titles of forms."""
    several = {
        text.page
        for text in texts
        if text.page is not None and len({t.text for t in find_titles(text.text)[1]}) > 1
    }
    if not several:
        return frozenset()
    wide = _wide_pages(path, [text.page for text in texts if text.page is not None])
    if not any(
        n >= _LEAST_LETTERS for n in _least_sides(path, wide, several & wide.keys()).values()
    ):
        return frozenset()
    # Beside them a half may hold no more than the title of a chapter.
    return frozenset(page for page, n in _least_sides(path, wide, wide.keys()).items() if n)


def _wide_pages(path: Path, pages: Sequence[int]) -> dict[int, float]:
    """Pages wider than high as displayed, with their width in points."""
    sizes = _sizes(path, pages)
    return {n: width for n, (width, height) in sizes.items() if width > _LANDSCAPE * height}


def _sizes(path: Path, pages: Sequence[int]) -> dict[int, tuple[float, float]]:
    import pypdfium2

    with pypdfium2.PdfDocument(path) as document:
        return {number: document.get_page_size(number - 1) for number in pages}


def _least_sides(path: Path, widths: Mapping[int, float], pages: Collection[int]) -> dict[int, int]:
    """For each page how many letters stand on the half with fewer of them; 0 where some stand
    between the halves."""
    least: dict[int, int] = {}
    for page in read_glyphs(path, pages) if pages else ():
        letters = [glyph for glyph in page.glyphs if glyph.text.strip()]
        low, high = ((0.5 + band) * widths[page.page] for band in (-_BAND, _BAND))
        left = sum(glyph.x1 <= low for glyph in letters)
        right = sum(glyph.x0 >= high for glyph in letters)
        least[page.page] = min(left, right) if left + right == len(letters) else 0
    return least


@contextmanager
def split_sheets(path: Path, doubles: Collection[int]) -> Iterator[Split | None]:
    """A PDF with its ``doubles`` taken apart, or None where something on one of them lies across
    the middle."""
    import pypdfium2

    with (
        tempfile.TemporaryDirectory(prefix="juesuan-sheets-") as folder,
        pypdfium2.PdfDocument(path) as whole,
    ):
        apart = Path(folder) / "pages.pdf"
        own = pypdfium2.PdfDocument.new()
        sheets: list[tuple[int, float]] = []
        try:
            for sheet in range(1, len(whole) + 1):
                halves = 2 if sheet in doubles else 1
                for _ in range(halves):
                    # Together they would share what is drawn.
                    own.import_pages(whole, [sheet - 1])
                width = own[len(own) - 1].get_width()
                sheets += [(sheet, n * width / 2) for n in range(halves)]
                if halves == 2 and not all(
                    _leave_half(own[len(own) - 2 + n], right=bool(n)) for n in range(2)
                ):
                    yield None
                    return
            own.save(apart)
        finally:
            own.close()
        split = Split(apart, tuple(sheets))
        yield split if _is_whole(path, split, doubles) else None


def _is_whole(path: Path, split: Split, doubles: Collection[int]) -> bool:
    """Whether the halves show every letter of their sheets, at its place."""

    shown: Counter[tuple[int, str]] = Counter()
    halves = [n for n, (sheet, _) in enumerate(split.sheets, start=1) if sheet in doubles]
    sizes = _sizes(split.path, halves)
    for page in read_glyphs(split.path, halves):
        letters = [glyph for glyph in page.glyphs if glyph.text.strip()]
        if any(glyph.x0 < 0 or glyph.x1 > sizes[page.page][0] for glyph in letters):
            return False
        shown.update((split.sheets[page.page - 1][0], glyph.text) for glyph in letters)
    return shown == Counter(
        (page.page, glyph.text)
        for page in read_glyphs(path, doubles)
        for glyph in page.glyphs
        if glyph.text.strip()
    )


def _leave_half(page: PdfPage, *, right: bool) -> bool:
    """Take everything off a page but one half as displayed; whether that was possible."""
    from pypdfium2.raw import FPDF_PAGEOBJ_PATH

    left, bottom, end, top = page.get_bbox()
    turn = page.get_rotation()
    upright = turn in (0, 180)
    # The displayed right half is, in the file's own coordinates, where the numbers are higher.
    higher = right if turn in (0, 90) else not right
    start, stop = (left, end) if upright else (bottom, top)
    middle, touch = (start + stop) / 2, _TOUCH * (stop - start)
    for drawn in list(page.get_objects(max_depth=1)):
        bounds = drawn.get_bounds()
        low, high = (bounds[0], bounds[2]) if upright else (bounds[1], bounds[3])
        low, high = max(low, start), min(high, stop)
        if high <= middle + touch and low <= middle:
            gone = higher
        elif low >= middle - touch:
            gone = not higher
        elif drawn.type == FPDF_PAGEOBJ_PATH and high - low >= _WHOLE * (stop - start):
            height = bounds[3] - bounds[1] if upright else bounds[2] - bounds[0]
            sheet = top - bottom if upright else end - left
            if height < _WHOLE * sheet:
                return False
            gone = True
        else:
            return False
        if gone:
            page.remove_obj(drawn)
            drawn.close()
    page.gen_content()
    half = (middle, stop) if higher else (start, middle)
    box = (half[0], bottom, half[1], top) if upright else (left, half[0], end, half[1])
    page.set_mediabox(*box)
    page.set_cropbox(*box)
    return True


def in_doubt(
    forms: Sequence[FormReading], facts: Sequence[Fact], pages: frozenset[int]
) -> tuple[tuple[FormReading, ...], tuple[Fact, ...]]:
    """Forms and facts, those of the ``pages`` neither whole nor agreed."""
    return (
        tuple(
            replace(form, complete=False, declared_empty=False, notes=(*form.notes, IN_DOUBT))
            if pages & set(form.pages)
            else form
            for form in forms
        ),
        tuple(
            replace(fact, agreed=False, note=IN_DOUBT) if fact.page in pages else fact
            for fact in facts
        ),
    )
