"""Tables without ruling lines, by where their words stand.

Headings tell where the columns are: a heading stands inside its column, so the middle of every
heading lies left of its column's right edge and right of its left edge. A right-aligned figure
therefore ends between the middle of its own heading and that of the next one, a left-aligned one
begins between the middles of the last and its own, and a centred one stands at the middle of its
own: how the figures of a table are aligned, they show themselves. Where that leaves a choice, the
figure is given to no column. Rows are those of codes and figures; names that are wrapped over
several lines are shared out among them by their middles.

The result are grids as a reader of ruled tables yields them, with a heading over every column.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from disclosures.forms import Form, forms, squeeze
from disclosures.model import Fact, FormReading
from disclosures.reading.grids import Grid, PageGlyphs, PageText
from disclosures.reading.headings import NOTE, TOTALS
from disclosures.reading.names import clean, has_chinese, header_words, is_header_word
from disclosures.reading.placed_columns import (
    Habit,
    Sheet,
    columns_of,
    heading_rows,
    is_group,
    is_heading_line,
    is_ruler,
    joined,
)
from disclosures.reading.placed_rows import ROWS
from disclosures.reading.placed_words import (
    NOTHING,
    ORDINAL,
    Line,
    Word,
    frame_of,
    lines_of,
    text_of,
)
from disclosures.reading.recognise import Placed, read_placed
from disclosures.reading.titles import Title, find_titles

_LABEL: Final = re.compile(
    r"(?:部门|单位|金额单位)(?:名称)?(?:\([^)]*\))?[:：]|^公开\d+表|^(?:附|财决\w*)?表\d{1,2}$"
    r"|^\d{4}年度?$|^单位[:：]?(?:万元|元)$"
)
_PAGE_NUMBER: Final = re.compile(r"^[-—–－·]*\s*\d{1,4}\s*[-—–－·]*$|^第\d+页")
_FULL_CODE: Final = re.compile(r"^[23]\d{2}(?:\d{2}(?:\d{2})?)?$")
_CHAPTER: Final = re.compile(r"^第[一二三四五六七八九十]+部分")
_PROSE: Final = re.compile(r"[，。；]")


@dataclass(frozen=True, slots=True)
class PlacedForms:
    """Forms by position; ``doubtful`` are those some figures of which found no place."""

    found: tuple[tuple[FormReading, list[Fact]], ...]
    doubtful: frozenset[str]


def read_positions(
    pages: Sequence[PageGlyphs], wanted: Iterable[str], *, reader: str
) -> PlacedForms:
    """The ``wanted`` forms (keys) among the pages, by the places of their words."""
    keys = set(wanted)
    habit = Habit()
    read = _read_pages(pages, keys, reader, habit)
    if habit.open and habit.settle():
        # How the other tables of the document are set tells what one cannot.
        read = _read_pages(pages, keys, reader, habit)
    return read


def _read_pages(
    pages: Sequence[PageGlyphs], keys: Collection[str], reader: str, habit: Habit
) -> PlacedForms:
    placed: list[Placed] = []
    texts: list[PageText] = []
    doubtful: set[str] = set()
    sheet: Sheet | None = None
    last_page = 0
    for page in pages:
        lines = lines_of(page.glyphs)
        texts.append(PageText(page.page, "\n".join(map(text_of, lines))))
        if page.page != last_page + 1:
            sheet = None
        last_page = page.page
        for title, part in _parts(lines):
            if title is not None and title.form not in keys:
                sheet = None
                continue
            form = forms()[title.form] if title is not None and title.form else None
            if form is None and sheet is not None and sheet.form.layout != "single_row":
                form = sheet.form
            if form is None:
                continue
            known = sheet if sheet is not None and sheet.form.key == form.key else None
            again = title is None
            read = _read_part(form, part, known, page.page, reader, again=again, habit=habit)
            if read is None:
                if title is None:
                    sheet = None
                continue
            sheet = read.sheet
            if read.lost:
                doubtful.add(form.key)
            # A page without a title goes on with the form of the last one.
            heading = title or Title(form.key, form.title, 0, 0)
            placed.append(Placed(read.grid, heading, read.before, read.after))
    found = [item for item in read_placed(placed, texts) if item[0].form in keys]
    return PlacedForms(tuple(found), frozenset(doubtful))


def pages_with_tables(texts: Sequence[PageText], wanted: Iterable[str]) -> set[int]:
    """Pages where one of the ``wanted`` forms is titled, and those on which it may go on."""
    keys = set(wanted)
    pages: set[int] = set()
    following = False
    for text in texts:
        if text.page is None:
            continue
        titles = find_titles(text.text)[1]
        chapter = any(_CHAPTER.match(squeeze(line)) for line in text.text.splitlines())
        if any(title.form in keys for title in titles):
            pages.add(text.page)
            following = True
        elif titles or chapter or not following:
            following = False
        else:
            pages.add(text.page)
    return pages


def _parts(lines: Sequence[Line]) -> Iterator[tuple[Title | None, list[Line]]]:
    """The lines below each title of a page; None for what stands above the first."""
    texts = [text_of(line) for line in lines]
    _, titles = find_titles("\n".join(texts))
    ends = [0]
    for text in texts:
        ends.append(ends[-1] + len(squeeze(clean(text))))

    def line_at(offset: int) -> int:
        return bisect_right(ends, offset, hi=len(lines)) - 1

    starts = [line_at(title.start) for title in titles] + [len(lines)]
    # Marks and labels above a title are not the table before it.
    if starts[0]:
        yield None, list(lines[: starts[0]])
    for index, title in enumerate(titles):
        yield title, list(lines[line_at(title.end - 1) + 1 : starts[index + 1]])


# --- one form's part of a page ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    grid: Grid
    sheet: Sheet
    before: str
    after: str
    lost: int


def _read_part(
    form: Form,
    lines: Sequence[Line],
    known: Sheet | None,
    page: int,
    reader: str,
    *,
    again: bool,
    habit: Habit,
) -> _Part | None:
    labels: list[str] = []
    rest = list(lines)
    while rest and (_LABEL.search(squeeze(text_of(rest[0]))) or len(squeeze(text_of(rest[0]))) < 2):
        labels.append(text_of(rest.pop(0)))
    table, notes = _until_notes(rest)
    start = _body_start(form, table, known)
    if again and known is not None and not {squeeze(text_of(line)) for line in table} & known.heads:
        start = 0
    head, body = [joined(line) for line in table[:start]], table[start:]
    if body and head and form.layout in ("coded", "panels"):
        # Headings of several lines may stand level with the first row.
        level = [w for w in body[0] if w.is_figure]
        words = [w for w in body[0] if not w.is_figure]
        if level and words and all(_is_heading(w) for w in words):
            head, body = [*head, joined(words)], [level, *body[1:]]
    while len(head) > 1 and form.layout in ("coded", "panels") and _opens_name(head[-1]):
        # The first line of a wrapped name stands above its code.
        body = [head.pop(), *body]
    sheet = known
    # A name's first line above its code is no heading.
    if head and known is not None and not any(is_heading_line(line) for line in head):
        head, body = [], table
    if head:
        columns = columns_of(form, head, body)
        if columns is None:
            return None
        heads = {squeeze(text_of(line)) for line in head} | (known.heads if known else set())
        sheet = Sheet(form, columns, heads, habit)
    if sheet is None or (not body and form.layout != "single_row" and known is not None):
        return None
    rows, lost = ROWS[form.layout](sheet, body)
    if not rows and form.layout != "single_row":
        return None
    grid = Grid(reader, page, (*heading_rows(sheet), *rows), frame_of([*head, *body]))
    return _Part(grid, sheet, "\n".join(labels), "\n".join(notes), lost)


def _until_notes(lines: Sequence[Line]) -> tuple[list[Line], list[str]]:
    table: list[Line] = []
    for number, line in enumerate(lines):
        text = squeeze(text_of(line))
        prose = len(text) > 25 and _PROSE.search(text_of(line)) is not None
        if NOTE.match(text) or _CHAPTER.match(text) or prose:
            return table, [text_of(one) for one in lines[number:]]
        if number == len(lines) - 1 and len(line) <= 3 and _PAGE_NUMBER.match(text):
            break
        table.append(line)
    return table, []


def _is_heading(word: Word) -> bool:
    text = squeeze(word.text)
    return text in ("类", "款", "项") or (text not in TOTALS and text in header_words())


def _opens_name(line: Line) -> bool:
    return not is_ruler(line) and all(
        len(word.text) > 2 and has_chinese(word.text) and not is_header_word(squeeze(word.text))
        for word in line
    )


def _body_start(form: Form, lines: Sequence[Line], known: Sheet | None) -> int:
    money = float("inf")
    seen = ""
    for number, line in enumerate(lines):
        text = squeeze(text_of(line))
        if is_ruler(line):
            return number + 1
        if known is not None and text in known.heads:
            seen += text
            continue
        if known is not None and seen:
            return number
        if any(word.is_amount and word.text not in NOTHING for word in line):
            return number
        if any(
            _FULL_CODE.match(word.text) and has_chinese(following.text)
            for word, following in pairwise(line)
        ):
            return number
        first = line[0]
        if form.layout == "two_sided":
            if any(ORDINAL.match(word.text) for word in line):
                return number
        elif form.layout == "single_row":
            groups = sum(1 for word in line if is_group(squeeze(word.text)))
            if groups == 1 and is_group(squeeze(first.text)) and "接待" in seen:
                return number
        else:
            alone = all(word.is_figure for word in line[1:]) or text in TOTALS
            if text[:2] in TOTALS and alone and line[-1 if text in TOTALS else 0].x1 < money:
                return number
            money = min([money, *(w.x0 for w in line if _titles_money(form, w))])
        seen += text
    return len(lines)


def _titles_money(form: Form, word: Word) -> bool:
    """Whether a word is (part of) the heading of a column of figures."""
    text = squeeze(word.text)
    return (
        len(text) > 1
        and text != "项目"
        and any(
            text in squeeze(title) or text == squeeze(column.under or "")
            for column in form.columns_of()
            for title in (column.title, *column.aliases)
        )
    )
