"""Files that hold the accounts of several departments or units one after another.

Facts are known by form, row and column, so two sets of forms in one file would be mixed up. Pages
are given to sets by their forms, the labels above them and the covers before them.
"""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Final

from disclosures.forms import squeeze
from disclosures.reading.grids import Grid, PageText
from disclosures.reading.names import clean
from disclosures.reading.titles import find_titles, form_of_title
from disclosures.reading.triage import cover_agency, labelled_agency

_FIGURE: Final = re.compile(r"(?<![\d.])-?\d[\d,]*\.\d{1,6}(?![\d.])")
#: A table has more figures than a list of contents.
_LEAST_FIGURES: Final = 3
#: Covers and title lines stand alone on their page, or open it.
_COVER_LETTERS: Final = 200
_BLANK_PT: Final = 72.0
_TITLE_LETTERS: Final = 60
_CHAPTER_LINE: Final = re.compile(r"第[一二三四五六七八九十]+部分")
_CHAPTER: Final = re.compile(r"第[一二三四五六七八九十]+部分|目录|[一二三四五六七八九十]+、")


@dataclass(frozen=True, slots=True)
class Part:
    """One disclosure's pages, ``first`` to ``last`` as printed in ``PageText.page``."""

    agency: str | None
    first: int
    last: int
    #: counted in pieces of a document without pages
    in_pieces: bool = False

    @property
    def place(self) -> str:
        """Where it stands, for auditors."""
        return "一部分" if self.in_pieces else f"第{self.first}—{self.last}页"


@dataclass(slots=True)
class _Set:
    """One set of forms: its pages by position, who they say that they are of, its totals."""

    start: int
    end: int
    names: Counter[str]
    totals: frozenset[Decimal]
    forms: set[str]


def parts(pages: Sequence[PageText]) -> tuple[Part, ...]:
    """The disclosures of a file whose pages are numbered; none where it holds one.

    A second set begins where form 01 is printed again after other forms, under another name or
    with other totals. Its part begins with its cover; without one the part before it ends with
    its last form, because nobody can tell whose the text between them is.
    """
    if any(page.page is None for page in pages):
        return ()
    sets = _sets(pages)
    distinct = [sets[0]] if sets else []
    for one in sets[1:]:
        if _is_another(distinct[-1], one):
            distinct.append(one)
        else:
            distinct[-1].end = one.end
    if len(distinct) < 2:
        return ()
    starts = [0]
    ends: list[int] = []
    for before, one in pairwise(distinct):
        covers = [n for n in range(before.end + 1, one.start + 1) if _cover(pages[n])]
        named = [n for n in covers if _cover(pages[n]) != _cover_of(pages, starts[-1], before)]
        start = named[0] if named else one.start
        ends.append(start - 1 if named else before.end)
        starts.append(start)
    ends.append(len(pages) - 1)
    found: list[Part] = []
    for start, end, one in zip(starts, ends, distinct, strict=True):
        agency = _cover_of(pages, start, one) or (
            one.names.most_common(1)[0][0] if one.names else None
        )
        found.append(Part(agency, pages[start].page or 0, pages[end].page or 0))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Pieces:
    """A document without pages, cut at covers, chapters and titles of tables. ``pages`` number
    the pieces, ``texts`` and ``grids`` are what stands in each."""

    pages: tuple[PageText, ...]
    texts: tuple[str, ...]
    grids: tuple[tuple[Grid, ...], ...]

    def text_of(self, part: Part) -> PageText:
        """The text of a part, as of a document of its own."""
        return PageText(None, "\n".join(self.texts[part.first - 1 : part.last]))

    def grids_of(self, part: Part) -> list[Grid]:
        """The tables of a part."""
        return [grid for grids in self.grids[part.first - 1 : part.last] for grid in grids]


def pieces(blocks: Sequence[tuple[str, Grid | None]]) -> Pieces:
    """Cut a document without pages, whose lines and tables are given in their order."""
    texts: list[list[str]] = [[]]
    tables: list[list[Grid]] = [[]]
    for text, grid in blocks:
        # A sheet is its table and its title in one.
        opens = grid.sheet is not None if grid else _opens_piece(text)
        if opens and (texts[-1] or tables[-1]):
            texts.append([])
            tables.append([])
        texts[-1].append(text)
        if grid:
            tables[-1].append(grid)
    pages = []
    for number, (lines, grids) in enumerate(zip(texts, tables, strict=True), start=1):
        text = "\n".join(lines)
        if grids and grids[0].sheet is not None:
            # Its first line is the sheet's name, and a cover is known by what it begins with.
            name, _, rest = text.partition("\n")
            text = f"{rest}\n{name}"
        pages.append(PageText(number, text))
    return Pieces(tuple(pages), tuple(map("\n".join, texts)), tuple(map(tuple, tables)))


def _opens_piece(line: str) -> bool:
    words = squeeze(clean(line))
    if not 4 <= len(words) <= _TITLE_LETTERS or words.endswith(("。", ";", ",")):
        return False
    return bool(form_of_title(line) or cover_agency(words) or _CHAPTER_LINE.match(words))


def told(found: Sequence[Part], number: int) -> str:
    """What auditors read about the ``number``-th disclosure (from 1) of a file with several."""
    listed = "；".join(f"{part.place}为{part.agency or '未识别的部门或单位'}" for part in found)
    return f"文件含{len(found)}个部门或单位的决算（{listed}），分别读取，这是第{number}个"


def within(pages: Sequence[PageText], part: Part) -> list[PageText]:
    """The pages of a part."""
    return [page for page in pages if part.first <= (page.page or 0) <= part.last]


@contextmanager
def pages_of(path: Path, part: Part) -> Iterator[Path]:
    """A PDF's pages of one part as a file of their own, for readers that look at whole files.
    Blank pages stand before them, so that their numbers are those of the file."""
    import pypdfium2

    with tempfile.TemporaryDirectory(prefix="juesuan-part-") as folder:
        cut = Path(folder) / "part.pdf"
        own = pypdfium2.PdfDocument.new()
        whole = pypdfium2.PdfDocument(path)
        try:
            for _ in range(1, part.first):
                own.new_page(_BLANK_PT, _BLANK_PT).close()
            own.import_pages(whole, list(range(part.first - 1, part.last)))
            own.save(cut)
        finally:
            whole.close()
            own.close()
        yield cut


def _sets(pages: Sequence[PageText]) -> list[_Set]:
    sets: list[_Set] = []
    for number, page in enumerate(pages):
        figures = _FIGURE.findall(unicodedata.normalize("NFKC", page.text))
        named = {title.form for title in find_titles(page.text)[1] if title.form}
        if not named:
            continue
        agency = labelled_agency(page)
        # An empty form has its label, a list of contents has neither.
        if len(figures) < _LEAST_FIGURES and (not agency or "01" in named):
            continue
        if "01" in named and (not sets or sets[-1].forms - {"01"}):
            amounts = [abs(Decimal(figure.replace(",", ""))) for figure in figures]
            top = frozenset(sorted(set(amounts), reverse=True)[:2])
            sets.append(_Set(number, number, Counter(), top, set()))
        if not sets:
            continue
        sets[-1].end = number
        sets[-1].forms |= named
        if agency:
            sets[-1].names[agency] += 1
    # What repeats one form of many is a page of the narrative, not a set.
    return [one for one in sets if len(one.forms) >= 3]


def _is_another(one: _Set, other: _Set) -> bool:
    if one.names and other.names:
        first, second = one.names.most_common(1)[0][0], other.names.most_common(1)[0][0]
        if squeeze(first) != squeeze(second):
            return True
    return not one.totals & other.totals


def _cover(page: PageText) -> str | None:
    """The department on a page that is a cover or begins with a title."""
    lines = [squeeze(clean(line)) for line in page.text.split("\n")]
    filled = [line for line in lines if line]
    if filled and _CHAPTER.match(filled[0]):
        return None
    short = sum(map(len, filled)) <= _COVER_LETTERS
    return cover_agency("".join(filled[:4]) if short else "".join(filled[:1]))


def _cover_of(pages: Sequence[PageText], start: int, one: _Set) -> str | None:
    for number in range(start, one.start + 1):
        if name := _cover(pages[number]):
            return name
    return None
