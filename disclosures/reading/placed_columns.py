"""The columns of a table without ruling lines: from its headings, and which figure is whose."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from disclosures.forms import Form, squeeze
from disclosures.reading.grids import GridCell
from disclosures.reading.headings import known_heading
from disclosures.reading.lines import group_of_three, item_of_three
from disclosures.reading.names import has_chinese, header_words, is_header_word
from disclosures.reading.placed_words import Line, Word

_LEVEL: Final = re.compile(r"^(?:.*(?:编码|代码|科目|项目))?[类款]$")
#: Headings above several columns. Over an even number of them they stand above none.
_PARENTS: Final = frozenset(
    map(
        squeeze,
        ("收入", "支出", "本年支出", "项目", "人员经费", "公用经费", "预算数", "决算数", "金额"),
    )
)
_VEHICLES: Final = "公务用车购置及运行维护费"
#: Of a letter's size: figures that end no further apart end together.
SAME_EDGE: Final = 0.15


@dataclass(slots=True)
class Column:
    """One printed column: its heading, piece by piece from above, and what it is."""

    x0: float
    x1: float
    pieces: list[Word]
    ruler: Word | None = None
    kind: str = "figure"
    paths: list[str] = field(default_factory=list)
    over: str = ""

    @property
    def middle(self) -> float:
        return self.ruler.middle if self.ruler else (self.x0 + self.x1) / 2

    @property
    def title(self) -> str:
        return known_heading(squeeze("".join(piece.text for piece in self.pieces)))


@dataclass(slots=True)
class Habit:
    """How the tables of a document align their figures (an index of ``_MODES``), as far as they
    show it; ``open`` counts the tables that do not."""

    shown: Counter[int] = field(default_factory=Counter)
    open: int = 0
    settled: int | None = None

    def settle(self) -> bool:
        """Whether the tables that show an alignment all show the same."""
        if len(self.shown) == 1:
            self.settled = next(iter(self.shown))
        return self.settled is not None


@dataclass(slots=True)
class Sheet:
    """The columns of a form, which continuation pages share."""

    form: Form
    columns: list[Column]
    heads: set[str]
    habit: Habit

    @property
    def names(self) -> list[int]:
        return [index for index, column in enumerate(self.columns) if column.kind == "name"]


def is_ruler(line: Line) -> bool:
    """栏次 with the numbers of columns, or those alone: integers that count upwards."""
    numbers = [int(word.text) for word in line if word.text.isdigit() and len(word.text) <= 2]
    words = "".join(squeeze(word.text) for word in line if not word.text.isdigit())
    if words.replace("栏次", "").replace("行次", "") or not numbers:
        return False
    return (
        numbers[0] == 1
        and all(b - a == 1 for a, b in pairwise(numbers))
        and (len(numbers) > 1 or "栏次" in words)
    )


def joined(line: Line) -> Line:
    """A line of headings with the letters of 项  目 or 合  计 put together."""
    words: Line = []
    for word in line:
        last = words[-1] if words else None
        pair = squeeze(last.text + word.text) if last else ""
        if last and len(pair) == 2 and pair in header_words() | {"栏次", "名称", "编码", "代码"}:
            words[-1] = replace(last, text=pair, x1=word.x1)
        else:
            words.append(word)
    return words


def columns_of(form: Form, head: Sequence[Line], body: Sequence[Line]) -> list[Column] | None:
    columns: list[Column] = []
    parents: list[Word] = []
    ruler: Line = []
    for line in reversed(head):
        if is_ruler(line):
            ruler = [word for word in line if word.text.isdigit()]
            continue
        for word in line:
            text = squeeze(word.text)
            if text in ("栏次", "") or not has_chinese(text):
                continue
            over = [c for c in columns if c.x0 < word.x1 - 0.3 and word.x0 < c.x1 - 0.3]
            if (
                len(over) == 1
                and _in_one_cell(word, over[0])
                and not (form.key == "09" and _heads_items(text, over[0].title))
            ):
                column = over[0]
                column.pieces.insert(0, word)
                column.x0, column.x1 = min(column.x0, word.x0), max(column.x1, word.x1)
            elif over:
                parents.append(word)
            else:
                columns.append(Column(word.x0, word.x1, [word]))
    columns.sort(key=lambda column: column.x0)
    pairs = form.key == "09" and sum(is_group(c.pieces[-1].text) for c in columns) >= 6
    above = [
        column
        for column in columns
        if _stands_above(column, columns) or (pairs and is_item(column.title))
    ]
    parents += [piece for column in above for piece in column.pieces]
    columns = [column for column in columns if column not in above]
    if len(columns) < 2:
        return None
    for number in ruler:
        own = [c for c in columns if abs(c.middle - number.middle) < number.size]
        if len(own) == 1:
            own[0].ruler = number
    _name_kinds(form, columns, body)
    if form.layout == "single_row":
        _three_public_paths(columns, parents)
    return columns


def _in_one_cell(word: Word, column: Column) -> bool:
    """Whether a heading stands above another as lines of one cell do, not as one over several."""
    own = column.pieces[0]
    apart = (word.middle - own.middle, word.x0 - own.x0, word.x1 - own.x1)
    return min(map(abs, apart)) < 0.6 * word.size


def _heads_items(text: str, below: str) -> bool:
    """Whether a heading of 09 is one over several columns, the middle one of which it covers."""
    if is_group(text) or "三公" in text:
        return is_item(below) or "小计" in below
    return "购置" in text and "运行" in text and ("购置" in below or "运行" in below)


def is_group(text: str) -> bool:
    return group_of_three(text) is not None and item_of_three(text) is None


def is_item(text: str) -> bool:
    return item_of_three(text) is not None


def _stands_above(column: Column, columns: Sequence[Column]) -> bool:
    """Whether a heading above no column is one over the columns to its left and right."""
    word = column.pieces[-1]
    if len(column.pieces) > 1 or (
        squeeze(word.text) not in _PARENTS and "三公" not in word.text and "用车" not in word.text
    ):
        return False
    left = [c for c in columns if c.x1 <= word.x0]
    right = [c for c in columns if c.x0 >= word.x1]
    if not left or not right:
        return False
    beside = (max(left, key=lambda c: c.x1), min(right, key=lambda c: c.x0))
    return all(min(piece.y for piece in c.pieces) > word.y + 0.3 * word.size for c in beside)


def _name_kinds(form: Form, columns: Sequence[Column], body: Sequence[Line]) -> None:
    """Say which columns hold codes, names and numbers of lines."""
    for column in columns:
        title = column.title
        if title.endswith("行次"):
            column.kind = "line"
        elif title.endswith(("编码", "代码")) or _LEVEL.match(title):
            column.kind = "code"
        elif title.endswith(("名称", "项目", "科目")) and not title.endswith("三公经费项目"):
            column.kind = "name"
    if form.layout in ("coded", "panels"):
        named = [c for c in columns if c.kind == "name" and c.title.endswith("名称")]
        for index, column in enumerate(columns):
            if named and column.kind == "name" and column not in named:
                column.kind = "code"
            if column.title.endswith("项"):
                after = columns[index + 1 :]
                column.kind = "code" if any(c.kind == "name" for c in after) else "name"


def _three_public_paths(columns: Sequence[Column], parents: Sequence[Word]) -> None:
    """Over every figure column of 09 whether it is 预算数 or 决算数 and of which item."""
    figures = [column for column in columns if column.kind == "figure"]
    groups = [word for word in parents if is_group(squeeze(word.text))]
    if sum(is_group(column.title) for column in figures) > 6:
        # Six pairs: every item stands over the middle of its two columns.
        items = [w for w in parents if is_item(squeeze(w.text))]
        if any("小计" in w.text for w in items):
            items = [w for w in items if not ("购置" in w.text and "运行" in w.text)]
        for first, second in zip(figures[::2], figures[1::2], strict=False):
            over = [w for w in items if first.x0 <= w.middle <= second.x1]
            text = squeeze("".join(w.text for w in sorted(over, key=lambda w: w.y)))
            first.paths = second.paths = [text] if text else []
        titles = ["".join(column.paths) for column in figures]
    else:
        titles = [column.title for column in figures]
        for column in figures:
            if groups:
                near = min(groups, key=lambda w: abs(w.middle - column.middle))
                column.paths = [squeeze(near.text)]
    for index, column in enumerate(figures):
        after = next((t for t in titles[index + 1 :] if t != titles[index]), "")
        if titles[index] in ("小计", "合计") and item_of_three(after) == "vehicle_purchase":
            if column.paths == [titles[index]]:
                column.paths = [_VEHICLES + titles[index]]
            else:
                column.over = _VEHICLES


def _unwrapped(column: Column) -> list[str]:
    """The headings above a column, its own in one piece although it is wrapped over lines."""
    texts = [piece.text for piece in column.pieces]
    for start in range(len(texts) - 1):
        joined = squeeze("".join(texts[start:]))
        if known_heading(joined) in header_words():
            return [*texts[:start], known_heading(joined)]
    return texts


def heading_rows(sheet: Sheet) -> list[tuple[GridCell, ...]]:
    stacks = [
        _unwrapped(column) if column.kind == "figure" else [column.title]
        for column in sheet.columns
    ]
    if sheet.form.layout == "single_row":
        stacks = [[*c.paths, c.over + c.title] for c in sheet.columns]
    depth = max(map(len, stacks))
    return [
        tuple(
            GridCell(stack[row - depth + len(stack)] if row >= depth - len(stack) else "")
            for stack in stacks
        )
        for row in range(depth)
    ]


def is_heading_line(line: Line) -> bool:
    known = [is_header_word(squeeze(word.text)) for word in line if has_chinese(word.text)]
    return bool(known) and sum(known) * 2 >= len(known)


# --- figures into columns ---------------------------------------------------------------------


def _edges(words: Sequence[Word], edge: Callable[[Word], float]) -> int:
    count, last = 0, float("-inf")
    for word in sorted(words, key=edge):
        if edge(word) - last > SAME_EDGE * word.size:
            count += 1
            last = edge(word)
    return count


def _at_right(word: Word, columns: Sequence[Column]) -> int | None:
    ends = [index for index, column in enumerate(columns) if column.middle < word.x1]
    return ends[-1] if ends else None


def _at_left(word: Word, columns: Sequence[Column]) -> int | None:
    return next((i for i, column in enumerate(columns) if column.middle > word.x0), None)


def _at_middle(word: Word, columns: Sequence[Column]) -> int | None:
    near = min(range(len(columns)), key=lambda i: abs(columns[i].middle - word.middle))
    return near if abs(columns[near].middle - word.middle) <= 0.6 * word.size else None


_MODES: Final = (
    (lambda word: word.x1, _at_right),
    (lambda word: word.middle, _at_middle),
    (lambda word: word.x0, _at_left),
)


def assign(sheet: Sheet, words: Sequence[Word]) -> list[int | None]:
    """The column of every figure, None where it may stand in several."""
    if not words:
        return []
    columns = sheet.columns
    ranked = sorted(
        ((_edges(words, edge), number) for number, (edge, _) in enumerate(_MODES)),
    )
    readings: list[tuple[int, int, list[int | None]]] = []
    for count, number in ranked:
        given = [_fitting(word, _MODES[number][1](word, columns), columns) for word in words]
        readings.append((count, number, given))
    best = min(count for count, _, _ in readings)
    fits = {n: given for count, n, given in readings if count == best and None not in given}
    if not fits:
        # Not even the best alignment explains all: what is common to none is given to none.
        fits = {n: given for count, n, given in readings if count == best}
    if len(fits) == 1:
        sheet.habit.shown[next(iter(fits))] += 1
    elif sheet.habit.settled in fits:
        return list(fits[sheet.habit.settled])
    elif len(set(map(tuple, fits.values()))) > 1:
        sheet.habit.open += 1
    return [
        options.pop() if len(options := {given[at] for given in fits.values()}) == 1 else None
        for at in range(len(words))
    ]


def _fitting(word: Word, index: int | None, columns: Sequence[Column]) -> int | None:
    """The column, unless it holds no figures or the word stands under another heading."""
    if index is None or columns[index].kind != "figure":
        return None
    for other, column in enumerate(columns):
        if other != index and min(column.x1, word.x1) - max(column.x0, word.x0) > 0.2 * word.size:
            return None
    return index
