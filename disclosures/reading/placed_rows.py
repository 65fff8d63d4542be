"""The rows of a table without ruling lines: codes, figures and the names that belong to them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from disclosures.forms import Form, squeeze
from disclosures.model import Side
from disclosures.reading.grids import GridCell
from disclosures.reading.headings import TOTALS
from disclosures.reading.names import has_chinese, line_index
from disclosures.reading.placed_columns import (
    SAME_EDGE,
    Sheet,
    assign,
    is_group,
    is_heading_line,
    is_item,
)
from disclosures.reading.placed_words import ORDINAL, Line, Word, by_height, cell_of

_CODE: Final = re.compile(r"^\d{2,7}$")
_ECONOMIC: Final = re.compile(r"^3\d{2}(?:\d{2})?$")
#: Further than this from a code or figure a name is not on its line.
_FREE: Final = 0.7
_LONGEST_NAME: Final = 6
_BEAM: Final = 12


@dataclass(slots=True)
class _Row:
    """A row in the making: words of its line by column, and its name's lines."""

    y: float
    words: list[Word]
    name: list[Word] = field(default_factory=list)

    @property
    def size(self) -> float:
        return max(word.size for word in self.words or self.name)


def _share_out(
    lines: Sequence[Line], rows: Sequence[_Row], known: Callable[[str], bool] | None
) -> list[tuple[_Row | None, list[Word]]]:
    """Names, wrapped or not, to the rows at whose height their middle (or first, or last line)
    stands. With ``known`` a name may also stand on its own (a row without figures)."""
    best: tuple[float, list[tuple[_Row | None, list[Word]]]] | None = None
    for height in (
        lambda group: (group[0][0].y + group[-1][0].y) / 2,
        lambda group: group[0][0].y,
        lambda group: group[-1][0].y,
    ):
        found = _partition(lines, rows, known, height)
        if best is None or found[0] < best[0] - 1e-6:
            best = found
    assert best is not None
    return best[1]


def _partition(
    lines: Sequence[Line],
    rows: Sequence[_Row],
    known: Callable[[str], bool] | None,
    height: Callable[[Sequence[Line]], float],
) -> tuple[float, list[tuple[_Row | None, list[Word]]]]:
    """The cheapest division of consecutive lines into names of rows, in order."""
    skip = 0.0 if known is not None else 1.0
    heights = [row.y for row in rows]
    # State: lines used, rows passed. Rows may go without a name.
    states: list[dict[int, tuple[float, tuple[int, int, int] | None]]] = [
        {} for _ in range(len(lines) + 1)
    ]
    states[0][0] = (0.0, None)
    for used in range(len(lines)):
        groups = []
        for taken in range(1, min(_LONGEST_NAME, len(lines) - used) + 1):
            group = lines[used : used + taken]
            size = group[0][0].size
            middle = height(group)
            strange = 0.0
            if known is not None:
                if not known(squeeze("".join(word.text for line in group for word in line))):
                    strange = 1.0 + 0.3 * taken
                if _are_two(group, known):
                    strange += 3.0
            reach = (
                bisect_left(heights, middle - _FREE * size),
                bisect_left(heights, middle),
                bisect_right(heights, middle + _FREE * size),
            )
            groups.append((taken, size, middle, strange, reach))
        # The cheapest few: a hostile page may have thousands of lines.
        for passed, (cost, _) in sorted(states[used].items(), key=lambda one: one[1][0])[:_BEAM]:
            for taken, size, middle, strange, (first, between, last) in groups:
                low = max(passed, first)
                options = [(abs(heights[n] - middle) / size, n) for n in range(low, max(low, last))]
                choices = [(distance, number + 1) for distance, number in options]
                alone = max(passed, between)
                choices.append((0.5 * _FREE * taken if known is not None else 4.0, alone))
                for distance, reached in choices:
                    total = cost + distance + strange + 0.02 * taken
                    total += skip * (reached - 1 - passed if reached > passed else 0)
                    number = reached - 1 if (distance, reached) != choices[-1] else -1
                    kept = states[used + taken].get(reached)
                    if kept is None or total < kept[0]:
                        states[used + taken][reached] = (total, (used, passed, number))
    ends = {passed: cost + skip * (len(rows) - passed) for passed, (cost, _) in states[-1].items()}
    end = min(ends, key=lambda passed: ends[passed])
    cost = ends[end]
    result: list[tuple[_Row | None, list[Word]]] = []
    used, passed = len(lines), end
    while used:
        step = states[used][passed][1]
        assert step is not None
        start, before, number = step
        words = [word for line in lines[start:used] for word in line]
        result.append((rows[number] if number >= 0 else None, words))
        used, passed = start, before
    return cost, result[::-1]


def _are_two(group: Sequence[Line], known: Callable[[str], bool]) -> bool:
    """Whether lines taken for one name are a name and another below it."""
    texts = [squeeze("".join(word.text for word in line)) for line in group]
    return any(
        ORDINAL.match(texts[at]) or (known("".join(texts[:at])) and known("".join(texts[at:])))
        for at in range(1, len(texts))
    )


GridRow = tuple[GridCell, ...]


def _fill(
    sheet: Sheet,
    figures: Sequence[tuple[Word, int | None]],
    others: Sequence[tuple[int, GridCell]],
    span: range,
) -> GridRow:
    """One grid row; figures of uncertain columns make every free column of ``span`` unreadable."""
    cells = [GridCell("") for _ in sheet.columns]
    for index, cell in others:
        cells[index] = cell
    by_column: dict[int, list[Word]] = {}
    open_words = [word for word, index in figures if index is None]
    for word, at in figures:
        if at is not None:
            by_column.setdefault(at, []).append(word)
    for place, words in by_column.items():
        # Two figures in one place are none.
        cells[place] = replace(cell_of(words), text=" ".join(word.text for word in words))
    if open_words:
        together = " ".join([*(word.text for word in open_words), "?"])
        for index in span:
            if sheet.columns[index].kind == "figure" and index not in by_column:
                cells[index] = GridCell(together, cell_of(open_words).bbox)
    return tuple(cells)


def _sections(sheet: Sheet) -> list[range]:
    """Columns of each side of 01 and 04, or of each panel of 06."""
    starts: list[int] = []
    for index, column in enumerate(sheet.columns):
        before = sheet.columns[index - 1].kind if index else "figure"
        if column.kind in ("code", "name") and before in ("figure", "line"):
            starts.append(index)
    starts = starts or [0]
    starts[0] = 0
    return [range(a, b) for a, b in pairwise([*starts, len(sheet.columns)])]


def _section_of(word: Word, sheet: Sheet, sections: Sequence[range]) -> int:
    """A word belongs to the last section before which it does not begin: it begins right of the
    middle of the last heading before its own section."""
    place = 0
    for number in range(1, len(sections)):
        if word.x0 > sheet.columns[sections[number].start - 1].middle:
            place = number
    return place


def _name_of(section: range, sheet: Sheet) -> int:
    names = [index for index in section if sheet.columns[index].kind == "name"]
    return names[-1] if names else section.start


def _coded_rows(sheet: Sheet, body: Sequence[Line]) -> tuple[list[GridRow], int]:
    sections = _sections(sheet)
    middles = [sheet.columns[_name_of(section, sheet)].middle for section in sections]
    entries: list[tuple[int, Word]] = []
    amounts: list[Word] = []
    ends = sorted(word.x1 for line in body for word in line if word.is_amount)
    for line in body:
        for word in line:
            number = _section_of(word, sheet, sections)
            whole = word.text.isdigit()
            if whole and _ends_with(word, ends):
                # A figure without decimals ends where the others end; codes begin together.
                amounts.append(word)
            elif whole and _CODE.match(word.text) and word.x1 < middles[number]:
                entries.append((number, word))
            elif word.is_figure and word.x0 > middles[0]:
                amounts.append(word)
            else:
                entries.append((number, word))
    columns = dict(zip(map(id, amounts), assign(sheet, amounts), strict=True))
    totals = line_index("06", None) if sheet.form.layout == "panels" else None
    rows: list[tuple[float, int, GridRow]] = []
    lost = 0
    bands: list[tuple[_Row, int, range, list[tuple[int, GridCell]]]] = []
    for number, section in enumerate(sections):
        name = _name_of(section, sheet)
        anchors: list[_Row] = []
        texts: list[Line] = []
        own = [w for n, w in entries if n == number]
        parts = [w for w in own if _CODE.match(w.text) and w.x1 < sheet.columns[name].middle]
        coded = {id(w) for w in parts}
        for codes in _whole_codes(parts):
            anchors.append(_Row(codes[0].y, codes))
        for line in by_height(own):
            codes = [w for w in line if id(w) in coded]
            words = [w for w in line if id(w) not in coded]
            label = squeeze("".join(w.text for w in words))
            is_total = label in TOTALS or (totals is not None and totals.find(label) is not None)
            if not codes and is_total:
                anchors.append(_Row(line[0].y, [], words))
            elif words:
                texts.append(words)
        anchors.sort(key=lambda row: row.y)
        labelled = [row for row in anchors if row.words]
        for row, words in _share_out(texts, labelled, None):
            if row is None:
                lost += any(has_chinese(w.text) for w in words) and not is_heading_line(words)
            else:
                row.name = words
        for row in anchors:
            cells: list[tuple[int, GridCell]] = []
            code_columns = [i for i in section if sheet.columns[i].kind == "code"]
            spots: dict[int, list[Word]] = {}
            for word in row.words:
                at = _code_column(word, row.words, code_columns, sheet)
                spots.setdefault(section.start if at is None else at, []).append(word)
            cells += [(spot, cell_of(words)) for spot, words in spots.items()]
            if code_columns or not row.words:
                cells.append((name, cell_of(row.name)))
            else:
                cells.append((name, cell_of([*row.words, *row.name])))
            bands.append((row, number, section, cells))
    given: dict[int, list[Word]] = {}
    homeless: list[tuple[Word, int | None]] = []
    of_section = [_Heights(r for r, n, _, _ in bands if n == at) for at in range(len(sections))]
    labels: dict[int, list[_Row]] = {}
    for row, number, _, _ in bands:
        if not row.words:
            labels.setdefault(number, []).append(row)
    label_of = {number: _Heights(some) for number, some in labels.items()}
    for word in amounts:
        owner = _owner(columns[id(word)], word, sheet, sections)
        row = of_section[owner].near(word)
        if row is None and len(sections) > 1:
            # 公用经费合计 may span panels; its figure stands in the last of them.
            nearest = max((n for n in label_of if n < owner), default=None)
            row = label_of[nearest].near(word) if nearest is not None else None
        if row is None:
            homeless.append((word, columns[id(word)]))
        else:
            given.setdefault(id(row), []).append(word)
    for row, number, section, cells in bands:
        if sheet.form.layout == "panels" and row.words and not _ECONOMIC.match(_code_of(row)):
            homeless += [(w, columns[id(w)]) for w in given.get(id(row), [])]
            continue
        mine = [(w, columns[id(w)]) for w in given.get(id(row), [])]
        rows.append((row.y, number, _fill(sheet, mine, cells, section)))
    rows = _doubted(sheet, rows, homeless)
    lost += len(homeless)
    return [cells for _, _, cells in sorted(rows, key=lambda row: (row[1], row[0]))], lost


class _Heights:
    """Rows by their height, to find the one that a figure stands on."""

    def __init__(self, rows: Iterable[_Row]) -> None:
        self._rows = sorted(rows, key=lambda row: row.y)
        self._ys = [row.y for row in self._rows]

    def near(self, word: Word, limit: float = _FREE) -> _Row | None:
        """The row at a figure's height. Cells set at the top or bottom of their row stand a little
        higher or lower; when another row is nearly as close, none is meant."""
        at = bisect_left(self._ys, word.y)
        beside = self._rows[max(0, at - 2) : at + 2]
        if not beside:
            return None
        ranked = sorted(beside, key=lambda row: abs(row.y - word.y))
        first = abs(ranked[0].y - word.y)
        second = abs(ranked[1].y - word.y) if len(ranked) > 1 else float("inf")
        return ranked[0] if first <= limit * word.size and second >= 2 * first else None


def _ends_with(word: Word, ends: Sequence[float]) -> bool:
    """Whether one of the ``ends``, which are in order, is where the word ends."""
    at = bisect_left(ends, word.x1)
    return any(abs(word.x1 - end) < SAME_EDGE * word.size for end in ends[max(0, at - 1) : at + 1])


def _doubted(
    sheet: Sheet,
    rows: Sequence[tuple[float, int, GridRow]],
    lost: Sequence[tuple[Word, int | None]],
) -> list[tuple[float, int, GridRow]]:
    """Rows with every blank that a figure without a row may fill made unreadable."""
    doubted: dict[int, list[str]] = {}
    for word, column in lost:
        for index in range(len(sheet.columns)) if column is None else (column,):
            if sheet.columns[index].kind == "figure":
                doubted.setdefault(index, []).append(word.text)
    return [
        (
            y,
            number,
            tuple(
                GridCell(" ".join([*doubted[index], "?"]))
                if index in doubted and not cell.text and any(one.text for one in cells)
                else cell
                for index, cell in enumerate(cells)
            ),
        )
        for y, number, cells in rows
    ]


def _code_of(row: _Row) -> str:
    return "".join(word.text for word in row.words)


def _whole_codes(parts: Sequence[Word]) -> list[Line]:
    """类, 款 and 项 in columns of their own put together, though set a little higher or lower."""
    lines: list[Line] = []
    for line in by_height(parts):
        last = lines[-1] if lines else []
        if (
            last
            and line[0].y - last[0].y < _FREE * line[0].size
            and all(a.x1 < b.x0 or b.x1 < a.x0 for a in last for b in line)
        ):
            lines[-1] = sorted([*last, *line], key=lambda word: word.x0)
        else:
            lines.append(line)
    return lines


def _owner(column: int | None, word: Word, sheet: Sheet, sections: Sequence[range]) -> int:
    if column is not None:
        return next(number for number, section in enumerate(sections) if column in section)
    return _section_of(word, sheet, sections)


def _code_column(
    word: Word, words: Sequence[Word], columns: Sequence[int], sheet: Sheet
) -> int | None:
    if not columns:
        return None
    if len(columns) == len(words):
        return columns[list(words).index(word)]
    return min(columns, key=lambda index: abs(sheet.columns[index].middle - word.middle))


def _two_sided_rows(sheet: Sheet, body: Sequence[Line]) -> tuple[list[GridRow], int]:
    sections = _sections(sheet)
    sides = [Side.INCOME, Side.EXPENSE] if len(sections) == 2 else [None]
    numbers = [i for i, column in enumerate(sheet.columns) if column.kind == "line"]
    texts: list[Word] = []
    figures: list[Word] = []
    counted: dict[int, int] = {}
    for line in body:
        for word in line:
            if not word.is_figure or has_chinese(word.text):
                texts.append(word)
                continue
            own = [
                i for i in numbers if abs(sheet.columns[i].middle - word.middle) < 0.8 * word.size
            ]
            if word.text.isdigit() and len(word.text) <= 3 and own:
                counted[id(word)] = own[0]
            figures.append(word)
    amounts = [word for word in figures if id(word) not in counted]
    columns = dict(zip(map(id, amounts), assign(sheet, amounts), strict=True))
    rows: list[tuple[float, int, GridRow]] = []
    homeless: list[tuple[Word, int | None]] = []
    for number, section in enumerate(sections[:2]):
        numbered = [w for w in figures if counted.get(id(w), -1) in section]
        heights = [
            _Row(line[0].y, list(line) if numbered else [])
            for line in by_height(numbered or amounts)
        ]
        places = _Heights(heights)
        for word in amounts:
            if _owner(columns[id(word)], word, sheet, sections) == number:
                at = places.near(word)
                if at is None:
                    homeless.append((word, columns[id(word)]))
                else:
                    at.words.append(word)
        side = sides[number] if number < len(sides) else None
        name = _name_of(section, sheet)
        ours = [w for w in texts if _section_of(w, sheet, sections) == number]
        known = _known_name(sheet.form, side)
        named: dict[int, list[Word]] = {}
        for at, words in _share_out(by_height(ours), heights, known):
            if at is None:
                at = _Row((words[0].y + words[-1].y) / 2, [])
                heights.append(at)
            named[id(at)] = words
        if not numbered:
            # Figures set at the top or bottom of a cell whose name is set in its middle.
            unnamed = [row for row in heights if id(row) not in named]
            heights = [row for row in heights if id(row) in named]
            places = _Heights(heights)
            for word in [word for row in unnamed for word in row.words]:
                at = places.near(word, 1.5)
                if at is None:
                    homeless.append((word, columns[id(word)]))
                else:
                    at.words.append(word)
        for row in heights:
            words = named.get(id(row), [])
            lines_ = [w for w in row.words if id(w) in counted]
            pairs = [(w, columns[id(w)]) for w in row.words if id(w) not in counted]
            if not (words or lines_ or pairs):
                continue
            if not words and not lines_:
                homeless += pairs
                continue
            cells = [(counted[id(w)], cell_of([w])) for w in lines_]
            if words:
                cells.append((name, cell_of(words)))
            rows.append((row.y, number, _fill(sheet, pairs, cells, section)))
    rows = _doubted(sheet, rows, homeless)
    lost = len(homeless)
    return [cells for _, _, cells in sorted(rows, key=lambda row: (row[1], row[0]))], lost


def _known_name(form: Form, side: Side | None) -> Callable[[str], bool]:
    sides = [side] if side else [Side.INCOME, Side.EXPENSE]
    index = [line_index(form.key, one) for one in sides]
    return lambda text: any(one.find(text) is not None for one in index)


def _single_rows(sheet: Sheet, body: Sequence[Line]) -> tuple[list[GridRow], int]:
    names = sheet.names
    label = names[0] if names else None
    texts: list[Word] = []
    figures: list[Word] = []
    for line in body:
        for word in line:
            (figures if word.is_figure else texts).append(word)
    columns = dict(zip(map(id, figures), assign(sheet, figures), strict=True))
    heights = [_Row(line[0].y, line) for line in by_height(figures)]
    rows: list[tuple[float, GridRow]] = []
    span = range(len(sheet.columns))
    lost = 0
    named: dict[int, list[Word]] = {}
    if label is not None:

        def known(text: str) -> bool:
            both = "预算数" in text and "决算数" in text
            return not both and (is_group(text) or is_item(text))

        for row, words in _share_out(by_height(texts), heights, known):
            if row is None:
                y = (words[0].y + words[-1].y) / 2
                rows.append((y, _fill(sheet, (), [(label, cell_of(words))], span)))
            else:
                named[id(row)] = words
    for row in heights:
        words = named.get(id(row), [])
        cells = [(label, cell_of(words))] if words and label is not None else []
        rows.append((row.y, _fill(sheet, [(w, columns[id(w)]) for w in row.words], cells, span)))
    return [cells for _, cells in sorted(rows, key=lambda row: row[0])], lost


ROWS: Final = {
    "coded": _coded_rows,
    "panels": _coded_rows,
    "two_sided": _two_sided_rows,
    "single_row": _single_rows,
}
