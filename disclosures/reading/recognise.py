"""Which form each grid is, and its cells as facts.

A form is recognised by the title near it (page text, a row of its own, the sheet's name) and by
its headings; never by a printed number. Continuation pages are joined, repeated headings and
totals counted once, columns mapped by their headings and lines by their names.

Row keys beyond those of the forms' data: a named line that the form does not know keeps its
squeezed name as key, a numbered line without a name is ``line_N``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from disclosures.forms import Form, forms, squeeze
from disclosures.model import Fact, FormReading
from disclosures.reading.grids import Grid, PageText
from disclosures.reading.headings import (
    ECONOMIC_CODE,
    Row,
    align,
    columns_of,
    filled_cells,
    is_body,
    signature,
    spans_of,
    split_rows,
)
from disclosures.reading.joining import Growing, close_forms, first_unit
from disclosures.reading.lines import read_rows
from disclosures.reading.names import clean, letters, plain
from disclosures.reading.titles import Title, find_titles, form_of_title, is_table_title

_FULL_WIDTH: Final = str.maketrans("()", "（）")
#: Letters that may stand between two rows of one grid: a page number, repeated headings.
_GAP: Final = 160


@dataclass(frozen=True, slots=True)
class Placed:
    """A grid with what stands around it: the title above, the text before and after.

    ``previous`` is text above the title, which belongs to the form before: its notes.
    """

    grid: Grid
    title: Title | None = None
    before: str = ""
    after: str = ""
    previous: str = ""


def recognise(
    grids: Sequence[Grid], pages: Sequence[PageText]
) -> list[tuple[FormReading, list[Fact]]]:
    """The forms among ``grids`` with their facts, in the order in which they were found.

    ``pages`` gives titles, units and notes around the grids. A table that is none of the nine
    forms is left out. Forms that a title and a note declare empty without printing a table
    appear without facts.
    """
    texts = {page.page: squeeze(page.text) for page in pages}
    return [
        (form, _with_names_as_printed(facts, texts))
        for form, facts in read_placed(place(grids, pages), pages)
    ]


def _with_names_as_printed(facts: Sequence[Fact], texts: Mapping[int | None, str]) -> list[Fact]:
    """Names whose letters a reader returned out of order, as the page's text has them."""
    mended: dict[tuple[int | None, str], str] = {}
    for page, name in dict.fromkeys((fact.page, fact.name) for fact in facts):
        text, squeezed = texts.get(page, ""), squeeze(name)
        if len(squeezed) < 3 or squeezed in text:
            continue
        bag, width = letters(squeezed), len(squeezed)
        for start in range(len(text) - width + 1):
            # Comparing the first letter's membership spares most of the sorting.
            if text[start] in squeezed and letters(text[start : start + width]) == bag:
                mended[page, name] = text[start : start + width].translate(_FULL_WIDTH)
                break
    return [
        replace(fact, name=mended[fact.page, fact.name])
        if (fact.page, fact.name) in mended
        else fact
        for fact in facts
    ]


# --- placing grids in the text of their pages -------------------------------------------------


def place(grids: Sequence[Grid], pages: Sequence[PageText]) -> list[Placed]:
    """Every grid with the title above it and the text around it, in reading order."""
    texts = {page.page: page.text for page in pages}
    by_page: dict[int | None, list[Grid]] = {}
    for grid in grids:
        by_page.setdefault(grid.page, []).append(grid)
    order = sorted(by_page, key=lambda page: (page is None, page or 0))
    placed: list[Placed] = []
    tail: tuple[int | None, Title | None, str] = (None, None, "")
    for number in order:
        here = by_page[number]
        if all(grid.bbox for grid in here):
            here = sorted(here, key=lambda grid: grid.bbox[1] if grid.bbox else 0.0)
        text, titles = find_titles(texts.get(number, ""))
        spots = _locate(here, text)
        # A title at the foot of a page belongs to the table that opens the next one.
        carried = tail[1] if number is not None and tail[0] == number - 1 else None
        end = 0
        for index, (grid, (start, stop)) in enumerate(zip(here, spots, strict=True)):
            above = [title for title in titles if end <= title.start < max(start, end + 1)]
            if not above and len(here) == 1 and len(titles) == 1 and start == 0:
                above = titles
            title = above[-1] if above else (carried if index == 0 else None)
            following = [title_.start for title_ in titles if title_.start >= stop]
            next_grid = next((s for s, e in spots[index + 1 :] if e > s), len(text))
            top = above[-1].end if above else end
            if start == stop:
                # Not found in the text, as with an empty table: all down to the next title.
                following = [title_.start for title_ in titles if title_.start >= top]
                start = stop = top
            after = text[stop : min([max(next_grid, stop), *following, len(text)])]
            before = text[top : max(start, top)]
            placed.append(Placed(grid, title, before, after))
            end = max(end, stop)
        rest = [title for title in titles if title.start >= end]
        tail = (number, rest[-1] if rest else None, "")
    return placed


def _locate(grids: Sequence[Grid], text: str) -> list[tuple[int, int]]:
    """Start and end of each grid in the squeezed text of its page."""
    spots: list[tuple[int, int]] = []
    floor = 0
    for grid in grids:
        rows = [[plain(cell.printed) for cell in row] for row in grid.rows]
        tokens = [[token for token in row if token] for row in rows]
        tokens = [row for row in tokens if row]
        start = _first_found(tokens, text, floor)
        if start < 0:
            spots.append((floor, floor))
            continue
        stop = start
        for row in tokens:
            joined = "".join(row)
            found = text.find(joined, stop, stop + 2 * len(joined) + _GAP)
            if found >= 0:
                stop = found + len(joined)
                continue
            # Cells that the page's text gives in another order, but close together.
            near = stop + len(joined) + _GAP // 2
            for token in row:
                # The numbers of columns are also those of pages.
                if len(token) < 2 or (token.isdigit() and len(token) < 3):
                    continue
                if (found := text.find(token, stop, near)) >= 0:
                    stop = found + len(token)
        spots.append((start, max(stop, start)))
        floor = max(floor, stop)
    return spots


def _first_found(rows: Sequence[Sequence[str]], text: str, floor: int) -> int:
    for row in rows:
        joined = "".join(row)
        if len(joined) >= 8 and (found := text.find(joined, floor)) >= 0:
            return found
    for row in rows[:8]:
        hits = [text.find(token, floor) for token in row if len(token) >= 4]
        hits = [hit for hit in hits if hit >= 0]
        if hits:
            return min(hits)
    return -1


# --- grids into forms -------------------------------------------------------------------------


def read_placed(
    placed: Sequence[Placed], pages: Sequence[PageText] = ()
) -> list[tuple[FormReading, list[Fact]]]:
    """Recognise grids whose surroundings are known; see :func:`recognise`."""
    document_unit = first_unit("\n".join(page.text for page in pages))
    finished: list[Growing] = []
    current: Growing | None = None
    for item in placed:
        for part in _parts(item):
            if current is not None and part.previous:
                current.text.append(part.previous)
            current = _take(part, current, finished)
            if current is not None and part.after:
                current.text.append(part.after)
    return close_forms(finished, document_unit, pages)


def _parts(item: Placed) -> Iterator[Placed]:
    """Split a grid at the titles of forms inside it: a sheet may hold several tables."""
    rows = item.grid.rows
    cuts: list[tuple[int, Title]] = []
    for number, row in enumerate(rows):
        filled = [cell for cell in row if plain(cell.text)]
        if not 1 <= len(filled) <= 2:
            continue
        text = clean(filled[0].text)
        form = form_of_title(text)
        if form or is_table_title(text):
            cuts.append((number, Title(form, text, 0, 0)))
    if not cuts:
        title = item.title
        if title is None and item.grid.sheet and (form := form_of_title(item.grid.sheet)):
            title = Title(form, item.grid.sheet, 0, 0)
        yield Placed(item.grid, title, item.before, item.after)
        return
    if cuts[0][0] > 0 and any(is_body(row) for row in rows[: cuts[0][0]]):
        yield Placed(_slice(item.grid, 0, cuts[0][0]), item.title, item.before, "")
    for index, (number, title) in enumerate(cuts):
        stop = cuts[index + 1][0] if index + 1 < len(cuts) else len(rows)
        head = "\n".join(cell.text for row in rows[: cuts[0][0]] for cell in row if cell.text)
        yield Placed(
            _slice(item.grid, number + 1, stop),
            title,
            item.before if index == 0 else "",
            item.after if index + 1 == len(cuts) else "",
            head if index == 0 else "",
        )


def _slice(grid: Grid, start: int, stop: int) -> Grid:
    return Grid(grid.reader, grid.page, grid.rows[start:stop], grid.bbox, grid.sheet)


def _take(item: Placed, current: Growing | None, finished: list[Growing]) -> Growing | None:
    """Read one grid into the form that it opens or continues; returns the form now open."""
    head, body, words = split_rows(item.grid.rows)
    if not head and not any(filled_cells(row) for row in body):
        return current
    evidence = signature(head, body)
    title_form = item.title.form if item.title else None
    if item.title is not None and item.title.form is None:
        # A table of another kind, unless its headings are those of the form that is open.
        return None
    key: str | None = None
    note: str | None = None
    if title_form:
        key = title_form
        if evidence and title_form not in evidence and head:
            if len(evidence) > 1:
                return None
            key = next(iter(evidence))
            note = f"标题为“{item.title.text if item.title else ''}”，表头为{forms()[key].title}"
        elif (
            head
            and not evidence
            and not _has_columns(forms()[key], head, body)
            and not (current and current.form.key == key)
        ):
            # Far below the form's name, in a list of contents, stands a table of another kind.
            return current
    elif current is not None and (
        current.form.key in evidence
        or (not head and _fits(item.grid, body, current))
        or _repeats_headings(item.grid, head, current)
    ):
        key = current.form.key
    elif len(evidence) == 1 and head and _says_final(head, item):
        key = next(iter(evidence))
    if key is None:
        return None if head else current
    if current is None or current.form.key != key:
        reopened = next((form for form in finished if form.form.key == key), None)
        if reopened is not None and head and reopened.facts:
            # The same form a second time, after others: an annex repeats it or another unit's
            # accounts follow. The first is kept.
            second = Growing(forms()[key], item.title.text if item.title else "", None)
            read_rows(item.grid, item.before, head, body, words, second)
            if _grand_totals(second) - _grand_totals(reopened) or reopened.columns is None:
                reopened.notes.append(f"第{item.grid.page or '-'}页另有同名表，未计入")
                return None
            current = reopened
        else:
            current = reopened or Growing(forms()[key], "", None)
            if reopened is None:
                finished.append(current)
    if note:
        current.notes.append(note)
    if item.title and not current.title:
        current.title = item.title.text
    read_rows(item.grid, item.before, head, body, words, current)
    return current


def _grand_totals(growing: Growing) -> set[tuple[str, str, str, str, str]]:
    return {
        (*fact.key, str(fact.amount_wan))
        for fact in growing.facts.values()
        if fact.row in ("grand_total", "total", "only") and fact.amount_wan
    }


def _has_columns(form: Form, head: Sequence[Row], body: Sequence[Row]) -> bool:
    return form.layout in ("two_sided", "coded") and columns_of(form, head, body) is not None


def _says_final(head: Sequence[Row], item: Placed) -> bool:
    """Without a title, headings of a budget table must not pass for final accounts."""
    text = "".join(plain(cell.text) for row in head for cell in row) + item.before[-200:]
    return "决算" in text or "行次" in text


def _repeats_headings(grid: Grid, head: Sequence[Row], current: Growing) -> bool:
    """Whether a grid on the next page opens with the headings of the open form.

    Its few last rows (the totals of 06) need not look like the form by themselves.
    """
    if grid.page is None or not current.pages or grid.page - current.pages[-1] > 1:
        return False
    rows = [tuple(plain(cell.text) for cell in row) for row in head]
    return bool(rows) and all(row in current.heads for row in rows)


def _fits(grid: Grid, body: Sequence[Row], current: Growing) -> bool:
    """Whether a grid without headings continues the open form."""
    if current.columns is None:
        return False
    if grid.page and current.pages and grid.page - current.pages[-1] > 1:
        return False
    width = max((len(row) for row in body), default=0)
    if width == current.columns.count:
        return True
    if current.form.layout == "panels":
        return any(ECONOMIC_CODE.match(plain(cell.text)) for row in body for cell in row)
    spans = spans_of(body, width)
    return bool(align(spans, current.columns))
