"""The nine forms as tables laid out like the printed ones.

01 and 04 put income beside expenditure, 06 puts panels of economic items side by side, 09 is one
row of budget and actual; the others are lists of codes. A blank cell, a zero, a figure that could
not be read and a cell that was not found are four different things and look different.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final, Literal

from disclosures.amounts import CellState
from disclosures.forms import Column, Form, forms
from disclosures.model import Side

CellKind = Literal["read", "zero", "blank", "unreadable", "missing"]
#: form, side ("" where there is none), row, column.
CellKey = tuple[str, str, str, str]

_SIDE_TITLES: Final = {Side.INCOME: "收入", Side.EXPENSE: "支出"}
_SUBTOTALS: Final = frozenset({"income_total", "expense_total"})
_GOODS_AND_SERVICES: Final = "302"


@dataclass(frozen=True, slots=True)
class FactCell:
    """One stored fact, as far as a table shows it."""

    form: str
    side: str
    row: str
    column: str
    ordinal: int
    line: str | None
    code: str | None
    name: str
    text: str
    is_zero: bool
    state: str
    unit: str
    page: int | None
    agreed: bool
    note: str | None

    @property
    def key(self) -> CellKey:
        return (self.form, self.side, self.row, self.column)

    @property
    def kind(self) -> CellKind:
        if self.state == CellState.UNREADABLE:
            return "unreadable"
        if self.state == CellState.BLANK:
            return "blank"
        return "zero" if self.is_zero else "read"


@dataclass(frozen=True, slots=True)
class Mark:
    """A cell that findings speak of: its element id and theirs, with the gravest level."""

    cell_id: str
    level: str
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeadCell:
    text: str
    columns: int = 1
    rows: int = 1


@dataclass(frozen=True, slots=True)
class BodyCell:
    """A cell of a table; ``kind`` is also its CSS class. Labels have kinds of their own."""

    kind: CellKind | Literal["name", "code", "line", "filler"]
    text: str = ""
    depth: int = 0
    suspect: bool = False
    note: str | None = None
    mark: Mark | None = None
    #: First cell of a side or panel that stands beside another one.
    edge: bool = False
    #: A heading among items, in a panel whose row is not a heading as a whole.
    strong: bool = False


@dataclass(frozen=True, slots=True)
class TableRow:
    cells: tuple[BodyCell, ...]
    strong: bool = False


@dataclass(frozen=True, slots=True)
class FormTable:
    """One form, ready to print."""

    key: str
    title: str
    layout: str
    head: tuple[tuple[HeadCell, ...], ...]
    rows: tuple[TableRow, ...]
    units: tuple[str, ...]
    pages: tuple[int, ...]
    cells: int
    unreadable: int
    suspect: int


@dataclass(slots=True)
class _Line:
    """All cells of one printed line."""

    row: str
    name: str
    code: str | None
    line: str | None
    ordinal: int
    facts: dict[str, FactCell] = field(default_factory=dict)


_Path = tuple[str, ...]


def lay_out(form_key: str, facts: Iterable[FactCell], marks: Mapping[CellKey, Mark]) -> FormTable:
    """Arrange the facts of one form in one document as the form prints them."""
    form = forms()[form_key]
    mine = sorted(facts, key=lambda fact: fact.ordinal)
    if form.layout == "two_sided":
        paths, rows = _two_sided(form, mine, marks)
    elif form.layout == "panels":
        paths, rows = _panels(form, mine, marks)
    elif form.layout == "single_row":
        paths, rows = _single_row(form, mine, marks)
    else:
        paths, rows = _coded(form, mine, marks)
    return FormTable(
        key=form_key,
        title=form.title,
        layout=form.layout,
        head=header_rows(paths),
        rows=tuple(rows),
        units=tuple(dict.fromkeys(fact.unit for fact in mine)),
        pages=tuple(sorted({fact.page for fact in mine if fact.page})),
        cells=len(mine),
        unreadable=sum(fact.kind == "unreadable" for fact in mine),
        suspect=sum(not fact.agreed for fact in mine),
    )


def header_rows(paths: Sequence[_Path]) -> tuple[tuple[HeadCell, ...], ...]:
    """Head rows for columns given as paths of headings; equal neighbouring headings merge."""
    depth = max((len(path) for path in paths), default=0)
    levels: list[tuple[HeadCell, ...]] = []
    for level in range(depth):
        row: list[HeadCell] = []
        index = 0
        while index < len(paths):
            path = paths[index]
            width = 1
            if level < len(path) - 1:
                while index + width < len(paths) and (
                    len(paths[index + width]) - 1 > level
                    and paths[index + width][: level + 1] == path[: level + 1]
                ):
                    width += 1
                row.append(HeadCell(path[level], columns=width))
            elif level == len(path) - 1:
                row.append(HeadCell(path[level], rows=depth - level))
            index += width
        levels.append(tuple(row))
    return tuple(levels)


def _lines(facts: Iterable[FactCell]) -> list[_Line]:
    found: dict[str, _Line] = {}
    for fact in facts:
        line = found.get(fact.row)
        if line is None:
            line = _Line(fact.row, fact.name, fact.code, fact.line, fact.ordinal)
            found[fact.row] = line
        line.facts[fact.column] = fact
    return list(found.values())


def _columns(
    form: Form, side: Side | None, facts: Iterable[FactCell]
) -> list[tuple[str, tuple[str, ...]]]:
    """Column keys with their headings: the form's own, then any that only this document has."""
    present = dict.fromkeys(fact.column for fact in facts)
    columns: list[tuple[str, tuple[str, ...]]] = []

    def heading(column: Column) -> tuple[str, ...]:
        return (column.under, column.title) if column.under else (column.title,)

    if form.groups:
        for group in form.groups:
            for column in form.columns_of(side):
                columns.append((f"{group.key}.{column.key}", (group.title, *heading(column))))
    else:
        for column in form.columns_of(side):
            if not column.optional or column.key in present:
                columns.append((column.key, heading(column)))
    known = {key for key, _ in columns}
    columns += [(key, (key,)) for key in present if key not in known]
    return columns


def _amount(fact: FactCell | None, marks: Mapping[CellKey, Mark]) -> BodyCell:
    if fact is None:
        return BodyCell("missing")
    return BodyCell(
        fact.kind,
        fact.text.strip(),
        suspect=not fact.agreed,
        note=fact.note,
        mark=marks.get(fact.key),
    )


def _amounts(
    line: _Line, keys: Sequence[str], marks: Mapping[CellKey, Mark]
) -> tuple[BodyCell, ...]:
    return tuple(_amount(line.facts.get(key), marks) for key in keys)


def _fillers(count: int, *, edge: bool = False) -> tuple[BodyCell, ...]:
    return (BodyCell("filler", edge=edge), *(BodyCell("filler"),) * (count - 1)) if count else ()


def _coded(
    form: Form, facts: Sequence[FactCell], marks: Mapping[CellKey, Mark]
) -> tuple[list[_Path], list[TableRow]]:
    columns = _columns(form, None, facts)
    keys = [key for key, _ in columns]
    paths: list[_Path] = [("科目编码",), ("科目名称",), *(path for _, path in columns)]
    rows = []
    for line in _lines(facts):
        code = line.code or ""
        depth = {5: 1, 7: 2}.get(len(code), 0)
        labels = (BodyCell("code", code), BodyCell("name", line.name, depth=depth))
        strong = len(code) in (0, 3)
        rows.append(TableRow((*labels, *_amounts(line, keys, marks)), strong=strong))
    return paths, rows


def _single_row(
    form: Form, facts: Sequence[FactCell], marks: Mapping[CellKey, Mark]
) -> tuple[list[_Path], list[TableRow]]:
    columns = _columns(form, None, facts)
    keys = [key for key, _ in columns]
    return [path for _, path in columns], [
        TableRow(_amounts(line, keys, marks)) for line in _lines(facts)
    ]


def _two_sided(
    form: Form, facts: Sequence[FactCell], marks: Mapping[CellKey, Mark]
) -> tuple[list[_Path], list[TableRow]]:
    paths: list[_Path] = []
    halves: list[list[tuple[str, list[TableRow]]]] = []
    widths: list[int] = []
    for side in (Side.INCOME, Side.EXPENSE):
        mine = [fact for fact in facts if fact.side == side]
        columns = _columns(form, side, mine)
        keys = [key for key, _ in columns]
        numbered = any(fact.line for fact in mine)
        top = _SIDE_TITLES[side]
        paths += [(top, "项目"), *([(top, "行次")] if numbered else [])]
        paths += [(top, *path) for _, path in columns]
        widths.append(1 + numbered + len(keys))
        segments: list[tuple[str, list[TableRow]]] = [("items", [])]
        for line in _lines(mine):
            total = line.row in _SUBTOTALS or line.row == "grand_total"
            labels = [BodyCell("name", line.name, edge=side is Side.EXPENSE)]
            if numbered:
                labels.append(BodyCell("line", line.line or ""))
            row = TableRow((*labels, *_amounts(line, keys, marks)), strong=total)
            if total:
                segments.append(("total", [row]))
                segments.append(("after", []))
            else:
                segments[-1][1].append(row)
        halves.append(segments)
    rows: list[TableRow] = []
    # Totals of both sides stand on one line of the printed form; between them each side has its
    # own number of lines.
    for left, right in zip_longest(*halves):
        pairs = zip_longest(left[1] if left else [], right[1] if right else [])
        for one, other in pairs:
            cells = (one.cells if one else _fillers(widths[0])) + (
                other.cells if other else _fillers(widths[1], edge=True)
            )
            rows.append(TableRow(cells, strong=any(row.strong for row in (one, other) if row)))
    return paths, rows


def _by_group(lines: list[_Line]) -> None:
    """Keep the items of a group below it: a reader may have gone line by line across panels."""
    first: dict[str, int] = {}
    for line in lines:
        first.setdefault((line.code or "")[:3], line.ordinal)
    lines.sort(key=lambda line: (first[(line.code or "")[:3]], line.ordinal))


def _panels(
    form: Form, facts: Sequence[FactCell], marks: Mapping[CellKey, Mark]
) -> tuple[list[_Path], list[TableRow]]:
    columns = _columns(form, None, facts)
    keys = [key for key, _ in columns]
    width = 2 + len(keys)
    panels: dict[str, list[_Line]] = {"personnel": [], "services": [], "rest": []}
    totals: list[_Line] = []
    for line in _lines(facts):
        group = (line.code or "")[:3]
        if not line.code:
            totals.append(line)
        elif group in form.personnel_groups:
            panels["personnel"].append(line)
        elif group == _GOODS_AND_SERVICES:
            panels["services"].append(line)
        else:
            panels["rest"].append(line)
    for panel in panels.values():
        _by_group(panel)
    shown = {key: panel for key, panel in panels.items() if panel} or {"personnel": []}
    paths: list[_Path] = []
    for key in shown:
        top = "人员经费" if key == "personnel" else "公用经费"
        # The headings of the second and third panel are equal and merge, as in print.
        paths += [(top, "科目编码"), (top, "科目名称"), *((top, *path) for _, path in columns)]

    def cells(line: _Line | None, panel: int) -> tuple[BodyCell, ...]:
        if line is None:
            return _fillers(width, edge=panel > 0)
        code = line.code or ""
        heading = len(code) == 3
        labels = (
            BodyCell("code", code, edge=panel > 0, strong=heading),
            BodyCell("name", line.name, depth=int(len(code) > 3), strong=heading),
        )
        return (*labels, *_amounts(line, keys, marks))

    def abreast(lines: Sequence[_Line | None], *, strong: bool = False) -> TableRow:
        found = (cell for panel, line in enumerate(lines) for cell in cells(line, panel))
        return TableRow(tuple(found), strong=strong)

    rows = [abreast(lines) for lines in zip_longest(*shown.values())]
    by_row = {line.row: line for line in totals}
    personnel, public = by_row.pop("personnel_total", None), by_row.pop("public_total", None)
    rest = list(by_row.values())
    if len(shown) > 1 and (personnel or public):
        between: list[_Line | None] = [None] * (len(shown) - 2)
        rows.append(abreast([personnel, *between, public], strong=True))
    else:
        rest = [line for line in (personnel, public) if line] + rest
    empty: list[_Line | None] = [None] * (len(shown) - 1)
    rows += [abreast([line, *empty], strong=True) for line in rest]
    return paths, rows
