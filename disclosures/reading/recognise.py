"""Which form each grid is, and its cells as facts.

A form is recognised by the title near it (page text, a row of its own, the sheet's name) and by
its headings; never by a printed number. Continuation pages are joined, repeated headings and
totals counted once, columns mapped by their headings and lines by their names.

Row keys beyond those of the forms' data: a named line that the form does not know keeps its
squeezed name as key, a numbered line without a name is ``line_N``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from disclosures.amounts import CellState, MoneyUnit, parse_amount
from disclosures.forms import Column, Form, bare_name, forms, squeeze
from disclosures.model import Box, Fact, FormReading, Side
from disclosures.reading.grids import Grid, GridCell, PageText
from disclosures.reading.names import (
    clean,
    has_chinese,
    header_words,
    is_header_word,
    letters,
    line_index,
    plain,
    printed_name,
    wording,
)
from disclosures.reading.titles import Title, find_titles, form_of_title, is_table_title

_UNIT: Final = re.compile(
    r"单\s*位\s*[:：]?\s*(?:人民币)?\s*(万\s*元|千\s*元|百\s*万\s*元|亿\s*元|元)(?![\u4e00-\u9fff])"
)
_UNIT_IN_HEADING: Final = re.compile(r"[（(](?:单位[:：])?(万元|千元|亿元|元)[)）]")
_NOTE: Final = re.compile(
    r"^(?:注|备注|说明|附注)\d*[:：]|^(?:注|备注|说明)\d*[、.．]|^\d?[.、]?本表反映"
)
_LABEL: Final = re.compile(
    r"^(?:编制|填报|公开)?(?:部门|单位|金额单位)(?:名称)?(?:\([^)]*\))?[:：]|^公开\d*表$|^\d{4}年度?$"
)
_DECIMAL: Final = re.compile(r"\d[.．]\d")
_CODE: Final = re.compile(r"^\d{3}(?:\d{2}(?:\d{2})?)?$")
_ECONOMIC_CODE: Final = re.compile(r"^(3\d{2}(?:\d{2})?)(?=\D|$)")
_GLUED_CODE: Final = re.compile(r"^(\d{7}|\d{5}|\d{3})\s*(\D.*)$", re.DOTALL)
_ORDINAL_NAME: Final = re.compile(
    r"^[一二三四五六七八九十]{1,3}[、.．,]?[\u4e00-\u9fff]{3,}|^.{0,3}[一二三四五六七八九十]+[、.．]"
)
_RULE: Final = re.compile(r"^[-—=_:\s]*$")
_TOTALS: Final = frozenset({"合计", "总计", "总合计"})
_DOTS: Final = re.compile(r"^[….·。*]+$")

Row = tuple[GridCell, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A grid with what stands around it: the title above, the text before and after."""

    grid: Grid
    title: Title | None = None
    before: str = ""
    after: str = ""


@dataclass(slots=True)
class _Columns:
    """Where the figures of a grid stand. ``values`` maps a column index to (side, key)."""

    count: int
    names: dict[int, Side | None] = field(default_factory=dict)
    lines: dict[int, Side | None] = field(default_factory=dict)
    codes: tuple[int, ...] = ()
    values: dict[int, tuple[Side | None, str]] = field(default_factory=dict)
    spans: tuple[Box | None, ...] = ()
    unmapped: tuple[str, ...] = ()


@dataclass(slots=True)
class _Growing:
    """A form while its pages are being joined."""

    form: Form
    title: str
    unit: MoneyUnit | None
    columns: _Columns | None = None
    pages: list[int] = field(default_factory=list)
    facts: dict[tuple[str, str, str, str], Fact] = field(default_factory=dict)
    rows: dict[tuple[Side | None, str], list[tuple[str, str, str, str]]] = field(
        default_factory=dict
    )
    notes: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    variant: set[str] = field(default_factory=set)
    last_row: tuple[Side | None, str] | None = None
    stated_unit: bool = False

    def seen(self, side: Side | None) -> set[str]:
        return {row for row_side, row in self.rows if row_side == side}


def recognise(
    grids: Sequence[Grid], pages: Sequence[PageText]
) -> list[tuple[FormReading, list[Fact]]]:
    """The forms among ``grids`` with their facts, in the order in which they were found.

    ``pages`` gives titles, units and notes around the grids. A table that is none of the nine
    forms is left out. Forms that a title and a note declare empty without printing a table
    appear without facts.
    """
    return read_placed(place(grids, pages), pages)


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
            next_grid = spots[index + 1][0] if index + 1 < len(spots) else len(text)
            after = text[stop : min([next_grid, *following, len(text)])]
            before = text[above[-1].end if above else end : max(start, end)]
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
        rows = [[plain(cell.text) for cell in row] for row in grid.rows]
        tokens = [[token for token in row if token] for row in rows]
        tokens = [row for row in tokens if row]
        start = _first_found(tokens, text, floor)
        if start < 0:
            spots.append((floor, floor))
            continue
        stop = start
        for row in tokens:
            for token in row:
                if len(token) >= 2:
                    found = text.find(token, stop, stop + 400)
                    if found >= 0:
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
    document_unit = _first_unit("\n".join(page.text for page in pages))
    finished: list[_Growing] = []
    current: _Growing | None = None
    for item in placed:
        for part in _parts(item):
            current = _take(part, current, finished)
            if current is not None and part.after:
                current.text.append(part.after)
    return _close(finished, document_unit, pages)


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
    if cuts[0][0] > 0 and any(_is_body(row) for row in rows[: cuts[0][0]]):
        yield Placed(_slice(item.grid, 0, cuts[0][0]), item.title, item.before, "")
    for index, (number, title) in enumerate(cuts):
        stop = cuts[index + 1][0] if index + 1 < len(cuts) else len(rows)
        head = "\n".join(cell.text for row in rows[: cuts[0][0]] for cell in row if cell.text)
        before = item.before + "\n" + head if index == 0 else ""
        after = item.after if index + 1 == len(cuts) else ""
        yield Placed(_slice(item.grid, number + 1, stop), title, before, after)


def _slice(grid: Grid, start: int, stop: int) -> Grid:
    return Grid(grid.reader, grid.page, grid.rows[start:stop], grid.bbox, grid.sheet)


def _take(item: Placed, current: _Growing | None, finished: list[_Growing]) -> _Growing | None:
    """Read one grid into the form that it opens or continues; returns the form now open."""
    head, body, words = _split(item.grid.rows)
    if not head and not any(_filled(row) for row in body):
        return current
    evidence = _signature(head, body)
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
    elif current is not None and (
        current.form.key in evidence or (not head and _fits(item.grid, body, current))
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
            second = _Growing(forms()[key], item.title.text if item.title else "", None)
            _read(item, head, body, words, second)
            if _grand_totals(second) - _grand_totals(reopened) or reopened.columns is None:
                reopened.notes.append(f"第{item.grid.page or '-'}页另有同名表，未计入")
                return None
            current = reopened
        else:
            current = reopened or _Growing(forms()[key], "", None)
            if reopened is None:
                finished.append(current)
    if note:
        current.notes.append(note)
    if item.title and not current.title:
        current.title = item.title.text
    _read(item, head, body, words, current)
    return current


def _grand_totals(growing: _Growing) -> set[tuple[str, str, str, str, str]]:
    return {
        (*fact.key, str(fact.amount_wan))
        for fact in growing.facts.values()
        if fact.row in ("grand_total", "total", "only") and fact.amount_wan
    }


def _says_final(head: Sequence[Row], item: Placed) -> bool:
    """Without a title, headings of a budget table must not pass for final accounts."""
    text = "".join(plain(cell.text) for row in head for cell in row) + item.before[-200:]
    return "决算" in text or "行次" in text or "预算" not in text


def _fits(grid: Grid, body: Sequence[Row], current: _Growing) -> bool:
    """Whether a grid without headings continues the open form."""
    if current.columns is None:
        return False
    if grid.page and current.pages and grid.page - current.pages[-1] > 1:
        return False
    width = max((len(row) for row in body), default=0)
    if width == current.columns.count:
        return True
    if current.form.layout == "panels":
        return any(_ECONOMIC_CODE.match(plain(cell.text)) for row in body for cell in row)
    spans = _spans(body, width)
    return bool(_align(spans, current.columns))


def _filled(row: Row) -> list[GridCell]:
    return [cell for cell in row if plain(cell.text) and not _RULE.match(clean(cell.text))]


def _is_body(row: Row) -> bool:
    """Whether a row cannot be a heading: it has a figure, a code with a name or a line's name."""
    texts = [plain(cell.text) for cell in row]
    filled = [text for text in texts if text]
    if not filled:
        return False
    if any(_DECIMAL.search(text) and not has_chinese(text) for text in filled):
        return True
    first = next(index for index, text in enumerate(texts) if text)
    others = [text for text in filled[1:] if has_chinese(text)]
    if (_CODE.match(filled[0]) or _GLUED_CODE.match(clean(filled[0]))) and len(filled) > 1:
        return has_chinese("".join(filled))
    for text in filled:
        if len(text) > 3 and _ORDINAL_NAME.match(text) and not is_header_word(text):
            return True
    ends = {"合计", "总计", "本年支出合计", "支出总计", "公用经费合计", "公用经费小计"}
    opens = {*_TOTALS, "本年收入合计", "收入总计", "人员经费合计", "人员经费小计"}
    if filled[0] in opens and all(text in ends for text in others):
        return True
    return (
        first <= 1
        and not is_header_word(filled[0])
        and any(
            line_index(key, side).find(filled[0])
            for key in ("01", "04")
            for side in (Side.INCOME, Side.EXPENSE)
        )
    )


def _is_ruler(row: Row) -> bool:
    """The row of 栏次: consecutive integers under the columns."""
    filled = [plain(cell.text) for cell in row if plain(cell.text)]
    if any(text in ("栏次", "栏目", "列次") for text in filled):
        return True
    numbers = [int(text) for text in filled if re.fullmatch(r"\d{1,2}", text)]
    return (
        len(numbers) >= 2
        and len(numbers) == len(filled)
        and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        and numbers[0] <= 2
    )


def _is_heading(row: Row) -> bool:
    filled = [plain(cell.text) for cell in row if plain(cell.text)]
    return bool(filled) and (_is_ruler(row) or all(is_header_word(text) for text in filled))


def _split(rows: Sequence[Row]) -> tuple[list[Row], list[Row], list[str]]:
    """Headings, body and the words around them (labels, notes) of one grid."""
    head: list[Row] = []
    body: list[Row] = []
    words: list[str] = []
    for row in rows:
        filled = _filled(row)
        if not filled:
            if body:
                body.append(row)
            continue
        first = clean(filled[0].text)
        if _NOTE.match(first) or _LABEL.match(squeeze(first)):
            words += [clean(cell.text) for cell in filled]
            continue
        if body:
            repeated = len(filled) > 1 and any(_same_row(row, known) for known in head)
            if not repeated and not (_is_ruler(row) and not _is_body(row)):
                if len(filled) == 1 and len(plain(first)) > 30 and not _GLUED_CODE.match(first):
                    words.append(first)
                else:
                    body.append(row)
            continue
        if _is_body(row):
            body.append(row)
        elif _is_heading(row) and (head or len(filled) > 1 or is_header_word(plain(first))):
            head.append(row)
        elif head and len(filled) > 1:
            # Headings that are not in the vocabulary, or a body that starts with blanks.
            (head if not any(_CODE.match(plain(c.text)) for c in filled) else body).append(row)
        elif _UNIT.search(first) or len(filled) <= 2:
            words += [clean(cell.text) for cell in filled]
        else:
            head.append(row)
    if not body and head:
        # Shanghai prints 小计, 基本支出 and 项目支出 in the row that holds the empty 合计.
        for row in reversed(head):
            if plain(row[0].text) in _TOTALS and len(_filled(row)) > 1:
                body.append((row[0], *(GridCell("", cell.bbox) for cell in row[1:])))
                break
    return head, body, words


def _same_row(one: Row, other: Row) -> bool:
    return [plain(cell.text) for cell in one] == [plain(cell.text) for cell in other]


# --- headings ---------------------------------------------------------------------------------


def _pieces(head: Sequence[Row], width: int) -> list[list[str]]:
    """Per column the squeezed headings of its own, top to bottom, without the 栏次 row."""
    columns: list[list[str]] = [[] for _ in range(width)]
    for row in head:
        if _is_ruler(row):
            continue
        for index, cell in enumerate(row[:width]):
            text = plain(cell.text)
            if text:
                columns[index].append(text)
    return columns


def _spanning(head: Sequence[Row], width: int) -> list[list[str]]:
    """Per column all headings above it, those of merged cells to its left included."""
    columns: list[list[str]] = [[] for _ in range(width)]
    own = [0] * width
    for row in head:
        if _is_ruler(row):
            continue
        last = ""
        for index in range(width):
            text = plain(row[index].text) if index < len(row) else ""
            if text:
                last = text
                own[index] += 1
                columns[index].append(text)
            elif own[index]:
                last = ""
            elif last:
                columns[index].append(last)
    return columns


def _signature(head: Sequence[Row], body: Sequence[Row]) -> set[str]:
    """The forms that a grid can be by its headings and codes."""
    width = max((len(row) for row in (*head, *body)), default=0)
    words = [_known(text) for column in _pieces(head, width) for text in column]
    whole = "|".join(words)
    names = [plain(cell.text) for row in body for cell in row]
    if "出国" in whole and "接待" in whole:
        return {"09"}
    items = "|".join(names)
    if "因公出国" in items and "公务接待" in items and not any(map(_ECONOMIC_CODE.match, names)):
        return {"09"} if "决算" in whole and "机关运行经费" not in items else set()
    economic = [name for name in names if re.fullmatch(r"3\d{2}(?:\d{2})?", name)]
    functional = [name for name in names if re.fullmatch(r"2\d{2}(?:\d{2})?(?:\d{2})?", name)]
    if len(economic) >= 2 and len(economic) > len(functional):
        return {"06"}
    if ("上级补助收入" in whole or "附属单位上缴收入" in whole) and "财政拨款收入" in whole:
        return {"02"}
    if "上缴上级支出" in whole or "对附属单位补助支出" in whole:
        return {"03"}
    lines = 0 if functional else _line_names(names)
    if words.count("项目") >= 2 or lines >= 3:
        if any("一般公共预算财政拨款" in word for word in words):
            return {"04"}
        if "收入" in words or "行次" in words or lines >= 3:
            return {"01"} if lines < 3 or "事业收入" in items else {"01", "04"}
    if "年初结转" in whole and "年末结转" in whole and "本年收入" in whole:
        return {"07", "08"}
    if "基本支出" in words and "项目支出" in words:
        return {"05", "07", "08"}
    if "人员经费" in whole and "公用经费" in whole:
        return {"06"}
    return set()


def _line_names(names: Sequence[str]) -> int:
    index = line_index("01", Side.EXPENSE)
    return sum(1 for name in names if len(name) > 4 and index.find(name))


_BY_LETTERS: dict[str, str] = {}


def _known(word: str) -> str:
    """A heading in its proper order of letters."""
    if not _BY_LETTERS:
        _BY_LETTERS.update({letters(known): known for known in header_words()})
    return word if word in header_words() else _BY_LETTERS.get(letters(word), word)


def _match(pieces: Sequence[str], column: Column) -> int:
    """How well the headings of a printed column fit a column of the form, 0 to 6."""
    if not pieces:
        return 0
    titles = [squeeze(title) for title in (column.title, *column.aliases)]
    last, joined = _known(_bare(pieces[-1])), _known(_bare("".join(pieces)))
    if last in titles or joined in titles:
        return 6
    # A heading cut over the rows: any tail of the pieces.
    for start in range(1, len(pieces) - 1):
        if _known(_bare("".join(pieces[start:]))) in titles:
            return 5
    if any(_known(_bare(piece)) in titles for piece in pieces):
        return 4
    bag = letters(joined)
    if any(len(title) >= 4 and letters(title) == bag for title in titles):
        return 4
    if any(len(title) >= 4 and (title in joined or joined in title) for title in titles if joined):
        return 2 if len(joined) >= 2 else 0
    return 0


def _bare(piece: str) -> str:
    return re.sub(r"\((?:单位:)?(?:万元|千元|元|亿元)\)|^\d+[.、]|\(\d+\)$", "", piece)


def _assign(printed: Sequence[tuple[int, list[str]]], columns: Sequence[Column]) -> dict[int, str]:
    """Map printed columns to keys, in printed order, maximising the fit of headings.

    When as many columns are printed as the form has, a heading that was not understood takes
    the place that is left, provided that the others stand in theirs.
    """
    rows, cols = len(printed), len(columns)
    best = [[0] * (cols + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(cols - 1, -1, -1):
            fit = _match(printed[i][1], columns[j])
            taken = best[i + 1][j + 1] + fit if fit else 0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], taken)
    mapped: dict[int, str] = {}
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < rows and j < cols:
        fit = _match(printed[i][1], columns[j])
        if fit and best[i][j] == best[i + 1][j + 1] + fit:
            mapped[printed[i][0]] = columns[j].key
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    for wanted in (
        list(range(cols)),
        [index for index, column in enumerate(columns) if not column.optional],
    ):
        if rows == len(wanted) and all(wanted[i] == j for i, j in pairs):
            return {printed[i][0]: columns[wanted[i]].key for i in range(rows)}
    return mapped


def _spans(rows: Sequence[Row], width: int) -> tuple[Box | None, ...]:
    """The narrowest box met in each column."""
    spans: list[Box | None] = [None] * width
    for row in rows:
        for index, cell in enumerate(row[:width]):
            box = cell.bbox
            known = spans[index]
            if box and (known is None or box[2] - box[0] < known[2] - known[0] - 0.5):
                spans[index] = box
    return tuple(spans)


def _align(spans: Sequence[Box | None], columns: _Columns) -> dict[int, int]:
    """New column index -> known column index by horizontal position; empty when it fails."""
    aligned: dict[int, int] = {}
    for new, box in enumerate(spans):
        if box is None:
            continue
        middle = (box[0] + box[2]) / 2
        for old, known in enumerate(columns.spans):
            if known and known[0] - 1 <= middle <= known[2] + 1 and old not in aligned.values():
                aligned[new] = old
                break
        else:
            return {}
    return aligned


# --- columns of each layout -------------------------------------------------------------------


def _columns(form: Form, head: Sequence[Row], body: Sequence[Row]) -> _Columns | None:
    width = max((len(row) for row in (*head, *body)), default=0)
    found: _Columns | None
    if form.layout == "two_sided":
        found = _two_sided_columns(form, head, body, width)
    elif form.layout == "coded":
        found = _coded_columns(form, head, body, width)
    else:
        found = None
    if found is not None:
        found.spans = _spans((*head, *body), width)
    return found


def _skipped(pieces: Sequence[str]) -> bool:
    words = wording()["not_value_columns"]
    return any(squeeze(word) == piece for piece in pieces for word in words)


def _two_sided_columns(
    form: Form, head: Sequence[Row], body: Sequence[Row], width: int
) -> _Columns | None:
    pieces = _pieces(head, width)
    starts = [index for index, column in enumerate(pieces) if "项目" in map(_known, column)]
    if not starts:
        starts = [
            index
            for index in range(width)
            if sum(1 for name in _column(body, index) if _side_of(form, name)) >= 2
        ]
    if not starts:
        return None
    starts = starts[:2]
    sides: list[Side | None]
    if len(starts) == 2:
        sides = [Side.INCOME, Side.EXPENSE]
    else:
        votes = Counter(_side_of(form, name) for name in _column(body, starts[0]))
        both = votes[Side.INCOME] > 2 and votes[Side.EXPENSE] > 2
        sides = [
            None
            if both
            else Side.INCOME
            if votes[Side.INCOME] >= votes[Side.EXPENSE]
            else Side.EXPENSE
        ]
    columns = _Columns(width)
    unmapped: list[str] = []
    for number, (start, side) in enumerate(zip(starts, sides, strict=True)):
        stop = starts[number + 1] if number + 1 < len(starts) else width
        columns.names[start] = side
        printed: list[tuple[int, list[str]]] = []
        for index in range(start + 1, stop):
            if "行次" in map(_known, pieces[index]) or (
                not pieces[index] and _is_numbering(_column(body, index))
            ):
                columns.lines[index] = side
            elif not _skipped(pieces[index]) and (pieces[index] or any(_column(body, index))):
                printed.append((index, [p for p in pieces[index] if p not in ("收入", "支出")]))
        wanted = form.columns_of(side or Side.EXPENSE)
        mapped = _assign(printed, wanted)
        unmapped += ["".join(texts) for index, texts in printed if index not in mapped]
        columns.values |= {index: (side, key) for index, key in mapped.items()}
    columns.unmapped = tuple(filter(None, unmapped))
    return columns if columns.values else None


def _side_of(form: Form, name: str) -> Side | None:
    """The side that a line's name belongs to, None when it fits both or neither."""
    if not has_chinese(name):
        return None
    sides = [side for side in (Side.INCOME, Side.EXPENSE) if line_index(form.key, side).find(name)]
    return sides[0] if len(sides) == 1 else None


def _column(rows: Sequence[Row], index: int) -> list[str]:
    return [plain(row[index].text) if index < len(row) else "" for row in rows]


def _is_numbering(texts: Sequence[str]) -> bool:
    numbers = [int(text) for text in texts if re.fullmatch(r"\d{1,3}", text)]
    filled = [text for text in texts if text]
    if len(numbers) < 3 or len(numbers) < len(filled) * 0.9:
        return False
    steps = [later - earlier for earlier, later in zip(numbers, numbers[1:], strict=False)]
    return sum(step == 1 for step in steps) >= len(steps) * 0.8


def _coded_columns(
    form: Form, head: Sequence[Row], body: Sequence[Row], width: int
) -> _Columns | None:
    pieces = _pieces(head, width)
    name = _name_column(pieces, body, width)
    if name is None:
        return None
    columns = _Columns(width, names={name: None}, codes=tuple(range(name)))
    printed = [
        (index, pieces[index])
        for index in range(name + 1, width)
        if not _skipped(pieces[index]) and (pieces[index] or any(_column(body, index)))
    ]
    mapped = _assign(printed, form.columns_of())
    columns.values = {index: (None, key) for index, key in mapped.items()}
    columns.unmapped = tuple(
        "".join(texts) for index, texts in printed if index not in mapped and texts
    )
    return columns if columns.values else None


def _name_column(pieces: Sequence[Sequence[str]], body: Sequence[Row], width: int) -> int | None:
    for index, column in enumerate(pieces):
        if any(_known(piece).endswith("名称") for piece in column):
            return index
    chinese = Counter(
        index
        for row in body
        for index, cell in enumerate(row)
        if has_chinese(cell.text) and plain(cell.text) not in _TOTALS
    )
    if chinese:
        return min(index for index, count in chinese.items() if count == max(chinese.values()))
    named = [
        index
        for index, column in enumerate(pieces)
        if any(_known(piece) in ("项目", "项", "科目") for piece in column)
    ]
    if not named:
        return 0 if width > 1 and body else None
    first = named[-1]
    # 项目 may span code and name.
    while first + 1 < width and not pieces[first + 1]:
        first += 1
    return first


# --- rows of each layout ----------------------------------------------------------------------


def _read(
    item: Placed, head: Sequence[Row], body: Sequence[Row], words: Sequence[str], growing: _Growing
) -> None:
    grid, form = item.grid, growing.form
    if grid.page is not None and grid.page not in growing.pages:
        growing.pages.append(grid.page)
    growing.text += words
    headings = "".join(clean(cell.text) for row in head for cell in row)
    unit = _first_unit("\n".join(words)) or _first_unit(item.before)
    if unit is None and (match := _UNIT_IN_HEADING.search(headings)):
        unit = MoneyUnit(match[1])
    if unit is not None and not growing.stated_unit:
        growing.unit, growing.stated_unit = unit, True
    if form.layout == "panels":
        _read_panels(grid, head, body, growing)
        return
    if form.layout == "single_row":
        _read_single_row(grid, head, body, growing)
        return
    columns = _columns(form, head, body) if head or growing.columns is None else None
    if columns is None and growing.columns is not None:
        columns = _carried(body, growing.columns)
    if columns is None:
        growing.notes.append(f"第{grid.page or '-'}页：表头未能识别，该部分未读")
        return
    if columns.unmapped:
        growing.notes.append("未采用的列：" + "、".join(columns.unmapped))
    if growing.columns is None or head:
        growing.columns = columns
    if form.layout == "two_sided":
        growing.variant.add("numbered" if columns.lines else "unnumbered")
        for row in body:
            _read_two_sided_row(grid, row, columns, growing)
    else:
        for row in body:
            _read_coded_row(grid, row, columns, growing)


def _carried(body: Sequence[Row], known: _Columns) -> _Columns | None:
    """The columns of the previous page for a page without headings."""
    width = max((len(row) for row in body), default=0)
    if width == known.count:
        return known
    aligned = _align(_spans(body, width), known)
    if not aligned:
        return None
    new = _Columns(width)
    for here, there in aligned.items():
        if there in known.names:
            new.names[here] = known.names[there]
        elif there in known.lines:
            new.lines[here] = known.lines[there]
        elif there in known.values:
            new.values[here] = known.values[there]
        elif there in known.codes:
            new.codes = (*new.codes, here)
    new.spans = _spans(body, width)
    return new if new.values and new.names else None


def _cell(row: Row, index: int) -> GridCell:
    return row[index] if index < len(row) else GridCell("")


def _put(
    growing: _Growing,
    grid: Grid,
    *,
    side: Side | None,
    row: str,
    line: str | None,
    code: str | None,
    name: str,
    column: str,
    cell: GridCell,
    note: str | None = None,
) -> None:
    """Keep one cell; the unit is settled when the form is closed."""
    amount = parse_amount(clean(cell.text))
    fact = Fact(
        form=growing.form.key,
        side=side,
        row=row,
        line=line,
        code=code,
        name=name,
        column=column,
        amount_wan=amount.value,
        text=re.sub(r"\s*\n\s*", "", amount.text),
        decimals=amount.decimals,
        state=amount.state,
        page=grid.page,
        bbox=cell.bbox,
        readers=(grid.reader,),
        note=note,
    )
    known = growing.facts.get(fact.key)
    if known is None or (known.state is CellState.BLANK and fact.state is not CellState.BLANK):
        growing.facts[fact.key] = fact
        keys = growing.rows.setdefault((side, row), [])
        if fact.key not in keys:
            keys.append(fact.key)
    elif fact.state is CellState.READ and known.amount_wan != fact.amount_wan:
        growing.notes.append(
            f"{name or row}重复出现且数字不同：{known.text}、{fact.text}（第{grid.page or '-'}页）"
        )


def _read_two_sided_row(grid: Grid, row: Row, columns: _Columns, growing: _Growing) -> None:
    starts = sorted(columns.names)
    for number, start in enumerate(starts):
        stop = starts[number + 1] if number + 1 < len(starts) else columns.count
        side = columns.names[start]
        name = printed_name(_cell(row, start).text)
        if side is None:
            guess = _side_of(growing.form, name)
            past = growing.rows.get((Side.INCOME, "grand_total"))
            side = guess or (Side.EXPENSE if past else Side.INCOME)
        line_text = next(
            (
                plain(_cell(row, index).text)
                for index in columns.lines
                if start < index < stop and plain(_cell(row, index).text)
            ),
            None,
        )
        values = {index: key for index, (_, key) in columns.values.items() if start < index < stop}
        blank = not any(plain(_cell(row, index).text) for index in values)
        if not name and line_text is None:
            if not blank:
                growing.notes.append(f"第{grid.page or '-'}页有一行数字没有项目名称，未采用")
            continue
        if plain(name) in ("栏次", "项目") or (_DOTS.match(name) and blank):
            continue
        if not name:
            key = f"line_{line_text}"
        else:
            index_ = line_index(growing.form.key, side)
            line = index_.find(name, growing.seen(side))
            if line is None and blank and line_text is None and growing.last_row:
                # The rest of a name that was cut by a page end.
                if not _ORDINAL_NAME.match(plain(name)):
                    _lengthen(growing, growing.last_row, name)
                continue
            key = line.key if line else bare_name(name)
            if line is None:
                growing.notes.append(f"未知项目：{name}")
            elif letters(bare_name(name)) == letters(bare_name(line.title)):
                name = _ordered(name, line.title)
        for index, column in values.items():
            _put(
                growing,
                grid,
                side=side,
                row=key,
                line=line_text,
                code=None,
                name=name,
                column=column,
                cell=_cell(row, index),
            )
        growing.last_row = (side, key)


def _ordered(name: str, title: str) -> str:
    """A name whose letters a reader returned out of order, as it must have been printed."""
    if bare_name(name) == bare_name(title) or squeeze(title) in squeeze(name):
        return name
    rest = list(squeeze(name))
    for letter in squeeze(title):
        if letter not in rest:
            return name
        rest.remove(letter)
    comma = "、" if "、" in rest else ""
    ordinal = "".join(letter for letter in rest if letter != "、")
    return f"{ordinal}{comma}{title}"


def _lengthen(growing: _Growing, row: tuple[Side | None, str], rest: str) -> None:
    for key in growing.rows.get(row, []):
        fact = growing.facts[key]
        growing.facts[key] = replace(fact, name=fact.name + rest)


def _code_and_name(row: Row, columns: _Columns, previous: str | None) -> tuple[str | None, str]:
    """Code and name of a row; 类, 款 and 项 may stand in columns of their own."""
    name_at = next(iter(columns.names))
    parts = [plain(_cell(row, index).text) for index in columns.codes]
    parts = [re.sub(r"\.0+$", "", part) for part in parts]
    name = printed_name(_cell(row, name_at).text)
    labels = [part for part in parts if part and not part.isdigit() and has_chinese(part)]
    digits = "".join(part for part in parts if part.isdigit())
    if not digits and labels and not name:
        name = "".join(printed_name(_cell(row, i).text) for i in columns.codes)
    if digits and not _CODE.match(digits) and previous and len(digits) in (2, 4):
        # 类 is printed once and left blank below.
        digits = previous[: 3 if len(digits) == 4 or len(parts) == 2 else 5] + digits
    if not digits:
        glued = _GLUED_CODE.match(re.sub(r"\s+", "", clean("".join([*parts, name]))))
        if glued and has_chinese(glued[2]):
            digits, name = glued[1], glued[2]
    if _CODE.match(digits):
        return digits, name
    return (digits or None), name


def _read_coded_row(grid: Grid, row: Row, columns: _Columns, growing: _Growing) -> None:
    last = growing.last_row
    code, name = _code_and_name(row, columns, last[1] if last and last[1].isdigit() else None)
    cells = {key: _cell(row, index) for index, (_, key) in columns.values.items()}
    blank = not any(plain(cell.text) for cell in cells.values())
    bare = plain(name)
    if not code and (not bare or _DOTS.match(bare)) and blank:
        return
    key: str
    if code is None and (bare in _TOTALS or letters(bare) == letters("合计")):
        key, name = "total", name
    elif code is None:
        if bare in ("类款项", "栏次") or (blank and is_header_word(bare)):
            return
        if last is not None and last[1].isdigit():
            before = [growing.facts[k] for k in growing.rows.get(last, [])]
            if blank:
                _lengthen(growing, last, name)
                return
            if all(fact.state is CellState.BLANK for fact in before):
                # Code and first half of the name stand in the row above.
                _lengthen(growing, last, name)
                first = growing.facts[growing.rows[last][0]]
                code, name, key = last[1], first.name, last[1]
            else:
                growing.notes.append(f"没有科目编码的行：{name}")
                key = bare
        elif not bare:
            growing.notes.append(f"第{grid.page or '-'}页有一行数字没有项目名称，未采用")
            return
        else:
            growing.notes.append(f"没有科目编码的行：{name}")
            key = bare
    else:
        if not _CODE.match(code):
            growing.notes.append(f"科目编码无法识别：{code}")
        key = code
    for column, cell in cells.items():
        _put(
            growing,
            grid,
            side=None,
            row=key,
            line=None,
            code=code,
            name=name,
            column=column,
            cell=cell,
        )
    growing.last_row = (None, key)


def _panel_starts(body: Sequence[Row], width: int) -> list[int]:
    """Columns that hold economic codes."""
    starts = []
    for index in range(width):
        texts = [text for text in _column(body, index) if text]
        codes = sum(1 for text in texts if _ECONOMIC_CODE.match(text))
        labels = sum(1 for text in texts if text in ("人员经费合计", "公用经费合计", "合计"))
        if codes and codes * 2 >= len(texts) - labels:
            starts.append(index)
    return starts


def _read_panels(grid: Grid, head: Sequence[Row], body: Sequence[Row], growing: _Growing) -> None:
    """Form 06: code, name and amount two or three times side by side, or once in a list."""
    width = max((len(row) for row in (*head, *body)), default=0)
    pieces = _pieces(head, width)
    starts = _panel_starts(body, width)
    if head or growing.columns is None:
        growing.columns = _Columns(width, spans=_spans((*head, *body), width))
    growing.variant.add(f"panels_{len(starts)}")
    extra: dict[int, str] = {}
    panels: list[tuple[int, int, int]] = []
    for number, start in enumerate(starts):
        stop = starts[number + 1] if number + 1 < len(starts) else width
        amount = _panel_amount(pieces, body, start, stop, extra if len(starts) == 1 else {})
        if amount is None:
            growing.notes.append(f"第{grid.page or '-'}页：未能确定金额栏，该部分未读")
            continue
        panels.append((start, amount, stop))
    for row in body:
        if _read_panel_totals(grid, row, growing, extra):
            continue
        for start, amount, _ in panels:
            _read_panel_row(grid, row, start, amount, growing)


def _panel_amount(
    pieces: Sequence[Sequence[str]],
    body: Sequence[Row],
    start: int,
    stop: int,
    extra: dict[int, str],
) -> int | None:
    """The column of figures of the panel that begins at ``start``."""
    names = Counter(
        index
        for row in body
        for index in range(start, min(stop, len(row)))
        if has_chinese(row[index].text)
    )
    if not names:
        return None
    name = max(names, key=lambda index: names[index])
    candidates = [
        index
        for index in range(name + 1, stop)
        if (pieces[index] or any(_column(body, index))) and not _skipped(pieces[index])
    ]
    for index in candidates:
        words = [_known(piece) for piece in pieces[index]]
        if len(candidates) > 1 and any(word in ("人员经费", "公用经费") for word in words[-1:]):
            extra[index] = words[-1]
    candidates = [index for index in candidates if index not in extra]
    if len(candidates) > 1:
        wanted = [
            index
            for index in candidates
            if any(_match([piece], forms()["06"].columns_of()[0]) >= 4 for piece in pieces[index])
            or any(piece in ("合计", "小计", "基本支出", "本年支出") for piece in pieces[index])
        ]
        filled = [index for index in candidates if any(_column(body, index))]
        candidates = wanted or filled or candidates
    return candidates[0] if candidates else None


def _read_panel_row(grid: Grid, row: Row, start: int, amount: int, growing: _Growing) -> None:
    parts: list[str] = []
    name = ""
    for index in range(start, amount):
        text = clean(_cell(row, index).text)
        squeezed = re.sub(r"\s+", "", text)
        glued = _GLUED_CODE.match(squeezed)
        if squeezed.isdigit():
            parts.append(squeezed)
        elif glued and not parts:
            parts.append(glued[1])
            name += glued[2]
        else:
            name += squeezed
    code = "".join(parts)
    cell = _cell(row, amount)
    if not code:
        if name and growing.last_row and not plain(cell.text) and has_chinese(name):
            growing.notes.append(f"没有科目编码的名称：{name}")
        elif plain(cell.text):
            growing.notes.append(f"第{grid.page or '-'}页有数字没有科目编码：{clean(cell.text)}")
        return
    if not re.fullmatch(r"3\d{2}(?:\d{2})?", code):
        growing.notes.append(f"科目编码无法识别：{code}")
    _put(
        growing,
        grid,
        side=None,
        row=code,
        line=None,
        code=code,
        name=name,
        column="amount",
        cell=cell,
    )
    growing.last_row = (None, code)


def _read_panel_totals(grid: Grid, row: Row, growing: _Growing, extra: dict[int, str]) -> bool:
    """人员经费合计 and 公用经费合计 in whatever cells they stand: a figure follows its label."""
    index_ = line_index("06", None)
    labels: list[tuple[int, str, str]] = []
    for number, cell in enumerate(row):
        line = index_.find(cell.text) if has_chinese(cell.text) else None
        if line is None:
            merged = re.match(r"^(\D+?)([\d,.]+)$", plain(cell.text))
            line = index_.find(merged[1]) if merged else None
        if line is not None:
            labels.append((number, line.key, printed_name(cell.text)))
    if not labels or any(_ECONOMIC_CODE.match(plain(cell.text)) for cell in row):
        return False
    for place_, (number, key, name) in enumerate(labels):
        stop = labels[place_ + 1][0] if place_ + 1 < len(labels) else len(row)
        following = [cell for cell in row[number + 1 : stop] if plain(cell.text)]
        inside = re.search(r"[\d,]+\.\d+$", plain(row[number].text))
        cell = following[0] if following else _cell(row, stop - 1 if stop - 1 > number else number)
        if inside:
            cell, name = GridCell(inside[0], row[number].bbox), name[: -len(inside[0])]
        elif not following and stop - 1 <= number:
            cell = GridCell("")
        _put(
            growing,
            grid,
            side=None,
            row=key,
            line=None,
            code=None,
            name=name,
            column="amount",
            cell=cell,
        )
        if key == "total":
            for index, word in extra.items():
                split = "personnel_total" if word == "人员经费" else "public_total"
                _put(
                    growing,
                    grid,
                    side=None,
                    row=split,
                    line=None,
                    code=None,
                    name=f"{word}合计",
                    column="amount",
                    cell=_cell(row, index),
                )
    return True


# --- form 09 ----------------------------------------------------------------------------------


def item_of_three(path: str) -> str | None:
    """Which of the six items of 三公 a (joined) heading means."""
    text = re.sub(r"^[\d一二三四五六]+[.、]|^其中:|\((?:\d|[一二三四])\)", "", path)
    if "出国" in text:
        return "overseas"
    if "接待" in text or "招待" in text:
        return "hospitality"
    if "用车" in text or "购置" in text or "运行" in text:
        tail = text.rsplit("|", 1)[-1]
        bare = tail.replace("公务用车购置及运行", "")
        if "小计" in tail or "合计" in tail or bare != tail:
            return "vehicles"
        if "购置" in tail:
            return "vehicle_purchase"
        if "运行" in tail or "维护" in tail:
            return "vehicle_operation"
        return "vehicles" if "购置" in text and "运行" in text else None
    if "合计" in text or "小计" in text or "总计" in text:
        return "total"
    return None


def group_of_three(path: str) -> str | None:
    if "预算" in path and "决算" not in path.replace("预决算", ""):
        return "budget"
    return "actual" if "决算" in path or "支出数" in path else None


def _read_single_row(
    grid: Grid, head: Sequence[Row], body: Sequence[Row], growing: _Growing
) -> None:
    """Form 09 as twelve in a row, six pairs, two rows or a list of items."""
    width = max((len(row) for row in (*head, *body)), default=0)
    paths = _spanning(head, width)
    filled = [row for row in body if any(plain(cell.text) for cell in row)]
    items = [plain(cell.text) for row in filled for cell in row[:2] if has_chinese(cell.text)]
    if sum(1 for text in items if item_of_three(text)) >= 4:
        _read_listed_items(grid, paths, filled, growing)
        return
    groups = [group_of_three("|".join(path)) for path in paths]
    keyed: dict[int, str] = {}
    for index, path in enumerate(paths):
        # A title above all columns ("财政拨款“三公”经费") says nothing about one of them.
        own = [word for word in path if group_of_three(word) is None or "经费" in word]
        item = item_of_three("|".join(word for word in own if "三公" not in word))
        if item and groups[index]:
            keyed[index] = f"{groups[index]}.{item}"
        elif item:
            keyed[index] = item
    stated = [key for key in keyed.values() if "." in key]
    if len(stated) > 6:
        pairs = [key.split(".")[0] for key in stated]
        growing.variant.add("pairs" if pairs[:2] == ["budget", "actual"] else "twelve_in_row")
    else:
        growing.variant.add("two_rows")
    if len(set(keyed.values())) != len(keyed):
        growing.notes.append("三公经费表的表头有重复，未能逐列确定")
        repeated = {key for key, count in Counter(keyed.values()).items() if count > 1}
        keyed = {index: key for index, key in keyed.items() if key not in repeated}
    # A blank row is a row of blanks: the figures are none, and the form is printed.
    rows = filled or [tuple(GridCell("") for _ in range(width))]
    for row in rows:
        group = next(filter(None, (group_of_three(plain(cell.text)) for cell in row)), None)
        for index, key in keyed.items():
            column = key if "." in key else (f"{group}.{key}" if group else None)
            if column is None:
                continue
            if group and "." in key and not key.startswith(group):
                continue
            cell = _cell(row, index)
            if plain(cell.text) in _TOTALS:
                # Shanghai's template labels the row of figures in its first money cell.
                cell = GridCell("", cell.bbox)
            _put(
                growing,
                grid,
                side=None,
                row="only",
                line=None,
                code=None,
                name="",
                column=column,
                cell=cell,
            )


def _read_listed_items(
    grid: Grid, paths: Sequence[Sequence[str]], rows: Sequence[Row], growing: _Growing
) -> None:
    growing.variant.add("listed")
    groups: dict[str, int] = {}
    for index, path in enumerate(paths):
        group = group_of_three("|".join(path))
        if group and (group not in groups or "全年" in "".join(path)):
            groups[group] = index
    for row in rows:
        label = next((plain(cell.text) for cell in row if has_chinese(cell.text)), "")
        item = "total" if "三公" in label and "合计" not in label[:2] else item_of_three(label)
        if item is None:
            growing.notes.append(f"未采用的行：{label}")
            continue
        for group, index in groups.items():
            _put(
                growing,
                grid,
                side=None,
                row="only",
                line=None,
                code=None,
                name="",
                column=f"{group}.{item}",
                cell=_cell(row, index),
            )


# --- closing ----------------------------------------------------------------------------------


def _first_unit(text: str) -> MoneyUnit | None:
    match = _UNIT.search(text)
    return MoneyUnit(re.sub(r"\s+", "", match[1])) if match else None


def says_empty(text: str) -> bool:
    """Whether a note declares its table empty."""
    plain_text = squeeze(text)
    return any(re.search(pattern, plain_text) for pattern in wording()["declared_empty"])


def _is_empty(facts: Sequence[Fact]) -> bool:
    return all(fact.state is CellState.BLANK or fact.amount_wan == 0 for fact in facts)


def _close(
    finished: Sequence[_Growing], document_unit: MoneyUnit | None, pages: Sequence[PageText]
) -> list[tuple[FormReading, list[Fact]]]:
    readings: list[tuple[FormReading, list[Fact]]] = []
    for growing in finished:
        notes = list(dict.fromkeys(growing.notes))
        unit = growing.unit or document_unit
        if unit is None:
            unit = MoneyUnit.WAN
            notes.append("未标明金额单位，按万元读取")
        facts = [_in_unit(fact, unit) for fact in growing.facts.values()]
        facts = _in_row_order(facts, growing)
        if not facts:
            continue
        rows = {(fact.side, fact.row) for fact in facts}
        readings.append(
            (
                FormReading(
                    form=growing.form.key,
                    title=growing.title or growing.form.title,
                    pages=tuple(sorted(growing.pages)),
                    unit=unit,
                    variant="+".join(sorted(growing.variant | _column_variant(growing, facts))),
                    declared_empty=_is_empty(facts) and says_empty(" ".join(growing.text)),
                    complete=_is_complete(growing.form, rows, facts),
                    notes=tuple(notes),
                ),
                facts,
            )
        )
    readings += _empty_without_table({reading.form for reading, _ in readings}, pages)
    return readings


def _in_row_order(facts: Sequence[Fact], growing: _Growing) -> list[Fact]:
    order = {key: number for number, key in enumerate(growing.rows)}
    return sorted(facts, key=lambda fact: order[(fact.side, fact.row)])


def _in_unit(fact: Fact, unit: MoneyUnit) -> Fact:
    amount = None if fact.amount_wan is None else unit.to_wan(fact.amount_wan)
    return replace(fact, amount_wan=amount, unit=unit)


def _column_variant(growing: _Growing, facts: Sequence[Fact]) -> set[str]:
    columns = {fact.column for fact in facts}
    tags = set()
    if growing.form.key == "04" and "state_capital" not in columns:
        tags.add("before_2020")
    if growing.form.key == "08":
        tags.add("six_columns" if "opening_balance" in columns else "three_columns")
    return tags


def _is_complete(form: Form, rows: set[tuple[Side | None, str]], facts: Sequence[Fact]) -> bool:
    """Whether the totals that every form ends in, and all obligatory columns, were found."""
    if form.layout == "two_sided":
        if any((side, "grand_total") not in rows for side in (Side.INCOME, Side.EXPENSE)):
            return False
    elif form.layout == "coded":
        if (None, "total") not in rows:
            return False
    elif form.layout == "panels" and not {"personnel_total", "public_total"} <= {
        row for _, row in rows
    }:
        return False
    if form.groups:
        return set(form.column_keys()) <= {fact.column for fact in facts}
    return all(
        column.key in {fact.column for fact in facts if fact.side == side}
        for side in form.sides
        for column in form.columns_of(side)
        if not column.optional
    )


def _empty_without_table(
    found: set[str], pages: Sequence[PageText]
) -> list[tuple[FormReading, list[Fact]]]:
    """Forms that stand as a title and a note only ("本表无数据")."""
    readings: list[tuple[FormReading, list[Fact]]] = []
    for page in pages:
        text, titles = find_titles(page.text)
        for index, title in enumerate(titles):
            if title.form is None or title.form in found:
                continue
            if not forms()[title.form].may_be_empty:
                continue
            stop = titles[index + 1].start if index + 1 < len(titles) else len(text)
            note = text[title.end : min(stop, title.end + 200)]
            if len(note) >= 8 and says_empty(note):
                found.add(title.form)
                readings.append(
                    (
                        FormReading(
                            form=title.form,
                            title=title.text,
                            pages=(page.page,) if page.page else (),
                            unit=MoneyUnit.WAN,
                            variant="note_only",
                            declared_empty=True,
                            complete=True,
                            notes=("只有标题和说明，没有表格",),
                        ),
                        [],
                    )
                )
    return readings
