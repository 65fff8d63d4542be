"""Sheets on which two pages stand side by side: their tables cannot be told apart reliably."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from disclosures.model import Fact, FormReading
from disclosures.reading.grids import PageGlyphs, PageText
from disclosures.reading.readers.pdf_text import read_glyphs
from disclosures.reading.titles import find_titles

IN_DOUBT: Final = "一张纸上并排印有两页，表格可能混淆，读数存疑，请按单页重新提供"
# A sheet is wider than high; a title in the middle of one page would cross the band between two.
_LANDSCAPE: Final = 1.15
_BAND: Final = 0.01
_LEAST_LETTERS: Final = 30


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
    if not several & wide.keys():
        return frozenset()
    parted = {page.page for page in read_glyphs(path, wide) if _is_parted(page, wide[page.page])}
    return frozenset(parted) if parted & several else frozenset()


def _wide_pages(path: Path, pages: Sequence[int]) -> dict[int, float]:
    """Pages wider than high as displayed, with their width in points."""
    import pypdfium2

    wide: dict[int, float] = {}
    with pypdfium2.PdfDocument(path) as document:
        for number in pages:
            width, height = document.get_page_size(number - 1)
            if width > _LANDSCAPE * height:
                wide[number] = width
    return wide


def _is_parted(page: PageGlyphs, width: float) -> bool:
    """Whether letters stand on both halves of a page and none between them."""
    letters = [glyph for glyph in page.glyphs if glyph.text.strip()]
    low, high = width * (0.5 - _BAND), width * (0.5 + _BAND)
    left = sum(glyph.x1 <= low for glyph in letters)
    right = sum(glyph.x0 >= high for glyph in letters)
    return left + right == len(letters) and min(left, right) >= _LEAST_LETTERS


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
