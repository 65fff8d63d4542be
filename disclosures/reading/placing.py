"""Columns of figures where a text has lost its blank cells, by the sums of the forms.

A row that prints fewer figures than its form has columns leaves open which are blank. Of all ways
to place its figures in their order those stay that the equations of the form and of other forms
allow, rounding included; a cell is settled when all of them give it the same. An equation that
none satisfies is wrong as printed and says nothing. Nothing is chosen for being likely, and what is
placed stays in doubt: no error is reported of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import combinations
from typing import Final

from disclosures.amounts import CellState, MoneyUnit, parse_amount
from disclosures.model import Fact, Side
from disclosures.reading.joining import Growing
from disclosures.reading.names import clean
from disclosures.reading.sums import ROW_SUMS

#: How a settled cell is told from one whose place was printed.
PLACED: Final = "文字已失去空单元格，按合计关系确定列位"
#: Sums that are followed of one equation; above it the equation is left aside.
_MOST_SUMS: Final = 20_000
_MOST_PLACINGS: Final = 2_000
_ROUNDS: Final = 6

_Row = tuple[str, Side | None, str]
#: What the columns of a row hold: indices of its figures, None where blank.
_Placing = tuple[int | None, ...]


@dataclass(slots=True)
class _Open:
    """A row with the placings that are left. ``values`` and ``halves`` are in 万元."""

    columns: tuple[str, ...]
    texts: tuple[str, ...]
    values: tuple[Decimal, ...]
    half: Decimal
    placings: list[_Placing] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        return len(self.placings) == 1

    def value(self, placing: _Placing, column: str) -> Decimal:
        if column not in self.columns:
            return Decimal(0)
        at = placing[self.columns.index(column)]
        return Decimal(0) if at is None else self.values[at]

    def only(self, column: str) -> Decimal | None:
        """What a column holds, where all placings agree."""
        found = {self.value(placing, column) for placing in self.placings}
        return found.pop() if len(found) == 1 else None

    def keep(self, placings: Sequence[_Placing]) -> bool:
        """Whether fewer placings are left than were; none at all says nothing."""
        if not placings or len(placings) == len(self.placings):
            return False
        self.placings = list(placings)
        return True


def place_by_sums(growing: Mapping[str, Growing], document_unit: MoneyUnit | None) -> None:
    """Settle the cells of the rows that the grammar left open, as far as sums tell."""
    if not any(grown.unplaced for grown in growing.values()):
        return
    rows: dict[_Row, _Open] = {}
    for key, grown in growing.items():
        unit = grown.unit or document_unit or MoneyUnit.WAN
        for side, row in grown.rows:
            one = _open_row(grown, side, row, unit)
            if one is not None:
                rows[key, side, row] = one
    equations = [*_columns_down(growing, rows), *_other_forms(rows)]
    for _ in range(_ROUNDS):
        changed = [_tie(rows, tie) for tie in equations if isinstance(tie, _Tie)]
        changed += [_floor(rows, tie) for tie in equations if isinstance(tie, _Floor)]
        changed += [_sum(rows, tie) for tie in equations if isinstance(tie, _Sum)]
        if not any(changed):
            break
    for (key, side, row), one in rows.items():
        if (side, row) in growing[key].unplaced:
            _settle(growing[key], side, row, one)


def _open_row(grown: Growing, side: Side | None, row: str, unit: MoneyUnit) -> _Open | None:
    """A row with all placings that its own equations allow; None where a figure is unreadable."""
    told = grown.unplaced.get((side, row))
    if told is None:
        facts = [grown.facts[key] for key in grown.rows[side, row]]
        if any(fact.state is CellState.UNREADABLE for fact in facts):
            return None
        columns = tuple(fact.column for fact in facts)
        texts = tuple(fact.text for fact in facts)
    else:
        columns, texts = told
    amounts = [parse_amount(clean(text)) for text in texts]
    if any(amount.state is CellState.UNREADABLE for amount in amounts):
        return None
    decimals = max((amount.decimals or 0 for amount in amounts), default=0)
    half = unit.to_wan(Decimal(5).scaleb(-decimals - 1))
    values = tuple(unit.to_wan(amount.value or Decimal(0)) for amount in amounts)
    one = _Open(columns, texts, values, half)
    if told is None:
        one.placings = [tuple(range(len(columns)))]
        return one
    for number, places in enumerate(combinations(range(len(columns)), len(texts))):
        if number >= _MOST_PLACINGS:
            return None
        held = dict(zip(places, range(len(texts)), strict=True))
        placing = tuple(held.get(column) for column in range(len(columns)))
        if _adds_up(grown.form.key, one, placing):
            one.placings.append(placing)
    return one if one.placings else None


def _adds_up(form: str, one: _Open, placing: _Placing) -> bool:
    for left, right in ROW_SUMS.get(form, ()):
        if not set(left) & set(one.columns):
            continue
        sides = [[one.value(placing, column) for column in part] for part in (left, right)]
        apart = abs(sum(sides[0], Decimal(0)) - sum(sides[1], Decimal(0)))
        if apart > one.half * sum(1 for part in sides for value in part if value):
            return False
    return True


# --- equations --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sum:
    """A row is the sum of others, column by column."""

    whole: _Row
    parts: tuple[_Row, ...]


_Cell = tuple[_Row, str]


@dataclass(frozen=True, slots=True)
class _Tie:
    """Cells that add up to others; a row that is not printed adds nothing."""

    left: tuple[_Cell, ...]
    right: tuple[_Cell, ...]


@dataclass(frozen=True, slots=True)
class _Floor:
    """A cell that is no less than others together, where all are money spent."""

    cell: _Cell
    parts: tuple[_Cell, ...]


_Equation = _Sum | _Tie | _Floor


def _columns_down(growing: Mapping[str, Growing], rows: Mapping[_Row, _Open]) -> Iterator[_Sum]:
    for key, grown in growing.items():
        form = grown.form
        if form.layout == "coded":
            yield from _code_sums(key, rows)
        elif form.layout == "two_sided":
            lines = form.lines_of(Side.EXPENSE)
            known = {line.key: line.role for line in lines}
            mine = [row for row in rows if row[:2] == (key, Side.EXPENSE)]
            if any(known.get(row[2]) is None for row in mine):
                continue
            of: dict[str, list[_Row]] = defaultdict(list)
            for row in mine:
                of[known[row[2]]].append(row)
            if len(of["subtotal"]) == 1:
                yield _Sum(of["subtotal"][0], tuple(of["item"]))
                if len(of["grand_total"]) == 1:
                    parts = (*of["subtotal"], *of["balance"])
                    yield _Sum(of["grand_total"][0], parts)


def _code_sums(key: str, rows: Mapping[_Row, _Open]) -> Iterator[_Sum]:
    codes = [row[2] for row in rows if row[0] == key and row[2] != "total"]
    below: dict[str, list[_Row]] = defaultdict(list)
    for code in codes:
        parents = [other for other in codes if other != code and code.startswith(other)]
        below[max(parents, key=len, default="total")].append((key, None, code))
    for parent, parts in below.items():
        if (key, None, parent) in rows:
            yield _Sum((key, None, parent), tuple(parts))


_FUNDS: Final = (("general_budget", "05"), ("government_fund", "07"), ("state_capital", "08"))


def _other_forms(rows: Mapping[_Row, _Open]) -> Iterator[_Tie | _Floor]:
    """Identities between forms that every disclosure keeps."""
    present = {row[0] for row in rows}
    income = {
        column: ("01", Side.INCOME, column)
        for column in ("superior_subsidy", "business", "operating", "subordinate_remittance")
    } | {"other": ("01", Side.INCOME, "other")}
    total = ("02", None, "total")
    if {"01", "02"} <= present:
        lines = tuple((("01", Side.INCOME, fund), "amount") for fund, _ in _FUNDS)
        if all(line in rows for line, _ in lines[:1]):
            yield _Tie(((total, "appropriation"),), lines)
        for column, line in income.items():
            if line in rows:
                yield _Tie(((total, column),), ((line, "amount"),))
    if "04" in present:
        yield from _overview(rows, present)
    if {"04", "07"} <= present:
        fund, whole = "government_fund", ("07", None, "total")
        for column, came in (("income", fund), ("opening_balance", f"opening_{fund}")):
            if ("04", Side.INCOME, came) in rows:
                yield _Tie(((whole, column),), ((("04", Side.INCOME, came), "amount"),))
    spent = [form for form in ("05", "07", "08") if form in present]
    if "03" in present:
        for row in [row for row in rows if row[0] == "03"]:
            for column in ("basic", "project"):
                parts = tuple(((form, None, row[2]), column) for form in spent)
                yield _Floor((row, column), parts)
    for code, item in (
        ("30212", "overseas"),
        ("30231", "vehicle_operation"),
        ("31013", "vehicle_purchase"),
        ("30217", "hospitality"),
    ):
        yield _Floor((("09", None, "only"), f"actual.{item}"), ((("06", None, code), "amount"),))


def _overview(rows: Mapping[_Row, _Open], present: set[str]) -> Iterator[_Tie]:
    """The columns of form 04: by fund, and as the detailed forms print them."""
    expense_total = ("04", Side.EXPENSE, "expense_total")
    for fund, form in _FUNDS:
        if form in present and (form, None, "total") in rows:
            yield _Tie(((expense_total, fund),), (((form, None, "total"), "total"),))
            for row in [r for r in rows if r[:2] == ("04", Side.EXPENSE) and r[2].isdigit()]:
                yield _Tie(((row, fund),), (((form, None, row[2]), "total"),))
        opening = ("04", Side.INCOME, f"opening_{fund}")
        came = ("04", Side.INCOME, fund)
        if came in rows and opening in rows:
            closing = ("04", Side.EXPENSE, "closing_balance")
            yield _Tie(
                ((expense_total, fund), (closing, fund)), ((came, "amount"), (opening, "amount"))
            )


# --- what an equation leaves ------------------------------------------------------------------


def _only(rows: Mapping[_Row, _Open], cell: _Cell) -> Decimal | None:
    row, column = cell
    return rows[row].only(column) if row in rows else Decimal(0)


def _tie(rows: Mapping[_Row, _Open], tie: _Tie) -> bool:
    """Where the cells of one row alone are open, its placings must make the equation hold."""
    cells = [(cell, 1) for cell in tie.left] + [(cell, -1) for cell in tie.right]
    open_rows = {row for (row, column), _ in cells if _only(rows, (row, column)) is None}
    if len(open_rows) != 1:
        return False
    (row,) = open_rows
    one = rows[row]
    fixed = Decimal(0)
    for (other, column), sign in cells:
        if other != row:
            fixed += sign * (_only(rows, (other, column)) or Decimal(0))
    mine = [(column, sign) for (other, column), sign in cells if other == row]
    half = max(rows[r].half for (r, _), _ in cells if r in rows)
    return one.keep(
        [
            placing
            for placing in one.placings
            if abs(fixed + sum(sign * one.value(placing, column) for column, sign in mine))
            <= half * len(cells)
        ]
    )


def _floor(rows: Mapping[_Row, _Open], floor: _Floor) -> bool:
    row, column = floor.cell
    if row not in rows or rows[row].settled:
        return False
    one = rows[row]
    known = [_only(rows, part) for part in floor.parts]
    least = sum((value for value in known if value is not None), Decimal(0))
    if least <= 0 or any(value < 0 for value in (*one.values, *filter(None, known))):
        return False
    slack = one.half * (len(floor.parts) + 1)
    return one.keep([p for p in one.placings if one.value(p, column) >= least - slack])


def _sum(rows: Mapping[_Row, _Open], total: _Sum) -> bool:
    """Keep the placings of whole and parts that some way of placing all of them adds up with."""
    whole = rows[total.whole]
    parts = [rows[row] for row in total.parts if row in rows]
    if len(parts) < len(total.parts) or (whole.settled and all(p.settled for p in parts)):
        return False
    columns = whole.columns
    if any(part.columns != columns for part in parts):
        return False
    slack = max(one.half for one in (whole, *parts)) * (len(parts) + 1)
    wanted = {p: [whole.value(p, c) for c in columns] for p in whole.placings}
    rising = all(value >= 0 for one in (whole, *parts) for value in one.values)
    most = [max(vector[n] for vector in wanted.values()) + slack for n in range(len(columns))]
    start = tuple(Decimal(0) for _ in columns)
    layers: list[dict[tuple[Decimal, ...], list[tuple[tuple[Decimal, ...], _Placing]]]] = []
    reached = {start}
    followed = 0
    for part in parts:
        layer: dict[tuple[Decimal, ...], list[tuple[tuple[Decimal, ...], _Placing]]] = {}
        added = [(p, [part.value(p, c) for c in columns]) for p in part.placings]
        for before in reached:
            for placing, vector in added:
                after = tuple(a + b for a, b in zip(before, vector, strict=True))
                if rising and any(a > m for a, m in zip(after, most, strict=True)):
                    continue
                layer.setdefault(after, []).append((before, placing))
                followed += 1
                if followed > _MOST_SUMS:
                    return False
        layers.append(layer)
        reached = set(layer)
    fitting = {
        placing: [
            sums
            for sums in reached
            if all(abs(a - b) <= slack for a, b in zip(sums, vector, strict=True))
        ]
        for placing, vector in wanted.items()
    }
    ends = {sums for found in fitting.values() for sums in found}
    if not ends:
        return False
    changed = whole.keep([placing for placing in whole.placings if fitting[placing]])
    for part, layer in zip(reversed(parts), reversed(layers), strict=True):
        used = {placing for sums in ends for _, placing in layer[sums]}
        changed |= part.keep([placing for placing in part.placings if placing in used])
        ends = {before for sums in ends for before, _ in layer[sums]}
    return changed


def _settle(grown: Growing, side: Side | None, row: str, one: _Open) -> None:
    for at, column in enumerate(one.columns):
        held = {placing[at] for placing in one.placings}
        texts = {"" if index is None else one.texts[index] for index in held}
        if len(texts) != 1:
            continue
        key = (grown.form.key, side.value if side else "", row, column)
        fact = grown.facts.get(key)
        if fact is not None:
            grown.facts[key] = _placed(fact, texts.pop())


def _placed(fact: Fact, text: str) -> Fact:
    amount = parse_amount(clean(text))
    return replace(
        fact,
        amount_wan=amount.value,
        text=amount.text,
        decimals=amount.decimals,
        state=amount.state,
        # Sums that a disclosure gets wrong may leave one way, too, and not the one printed.
        agreed=False,
        note=PLACED,
    )
