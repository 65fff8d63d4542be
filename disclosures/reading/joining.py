"""Forms while their pages are being joined, and their closing into readings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from disclosures.amounts import CellState, MoneyUnit, PrintedAmount, parse_amount
from disclosures.forms import Form, forms, squeeze
from disclosures.model import Box, Fact, FormReading, Side
from disclosures.reading.grids import Grid, GridCell, PageText
from disclosures.reading.names import clean, wording
from disclosures.reading.titles import find_titles

# 元氏, 元谋, 元阳, 元江 and 元宝山 are counties: "单位：元氏县财政局" is no unit.
UNIT: Final = re.compile(
    r"单\s*位\s*[:：]?\s*(?:人民币)?\s*(万\s*元|千\s*元|百\s*万\s*元|亿\s*元|元)(?![氏谋阳江宝])"
)
# "12.50万" says by itself what it is counted in.
_OWN_UNIT: Final = re.compile(r"(?P<figure>[-+\d,.\s]*\d)\s*(?P<unit>百万元|万元?|亿元?|千元|元)$")


@dataclass(slots=True)
class Columns:
    """Where the figures of a grid stand. ``values`` maps a column index to (side, key)."""

    count: int
    names: dict[int, Side | None] = field(default_factory=dict)
    lines: dict[int, Side | None] = field(default_factory=dict)
    codes: tuple[int, ...] = ()
    values: dict[int, tuple[Side | None, str]] = field(default_factory=dict)
    spans: tuple[Box | None, ...] = ()
    unmapped: tuple[str, ...] = ()


@dataclass(slots=True)
class Growing:
    """A form while its pages are being joined."""

    form: Form
    title: str
    unit: MoneyUnit | None
    columns: Columns | None = None
    pages: list[int] = field(default_factory=list)
    facts: dict[tuple[str, str, str, str], Fact] = field(default_factory=dict)
    rows: dict[tuple[Side | None, str], list[tuple[str, str, str, str]]] = field(
        default_factory=dict
    )
    notes: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    variant: set[str] = field(default_factory=set)
    panels: dict[int, int] = field(default_factory=dict)
    numbering: dict[Side, int] = field(default_factory=dict)
    last_row: tuple[Side | None, str] | None = None
    stated_unit: bool = False
    heads: set[tuple[str, ...]] = field(default_factory=set)
    #: units of cells that say theirs ("12.5万"), whatever stands above the table
    own_units: dict[tuple[str, str, str, str], MoneyUnit] = field(default_factory=dict)
    #: columns and figures of rows that print fewer figures than there are columns
    unplaced: dict[tuple[Side | None, str], tuple[tuple[str, ...], tuple[str, ...]]] = field(
        default_factory=dict
    )

    def seen(self, side: Side | None) -> set[str]:
        return {row for row_side, row in self.rows if row_side == side}


def put(
    growing: Growing,
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
    unreadable: bool = False,
) -> None:
    """Keep one cell; the unit is settled when the form is closed.

    ``unreadable`` says that ``cell`` holds figures of which nobody knows which is this one's.
    """
    amount = parse_amount(clean(cell.text))
    own = _OWN_UNIT.match(clean(cell.printed))
    if own is not None:
        amount = replace(parse_amount(own["figure"]), text=clean(cell.printed))
    if unreadable or (cell.shown is not None and own is None):
        amount = PrintedAmount(CellState.UNREADABLE, clean(cell.printed))
    fact = Fact(
        form=growing.form.key,
        side=side,
        row=row,
        line=line,
        code=code,
        name=name,
        column=column,
        amount_wan=amount.value,
        text=re.sub(r"\s*\n\s*", "", amount.text) if "\n" in amount.text else amount.text,
        decimals=amount.decimals,
        state=amount.state,
        page=grid.page,
        bbox=cell.bbox,
        readers=(grid.reader,),
        note=note,
    )
    key = fact.key
    if own is not None:
        growing.own_units[key] = MoneyUnit(own["unit"].removesuffix("元") + "元")
    known = growing.facts.get(key)
    if known is None or (known.state is CellState.BLANK and fact.state is not CellState.BLANK):
        growing.facts[key] = fact
        keys = growing.rows.setdefault((side, row), [])
        if key not in keys:
            keys.append(key)
    elif fact.state is CellState.READ and known.amount_wan != fact.amount_wan:
        growing.notes.append(
            f"{name or row}重复出现且数字不同：{known.text}、{fact.text}（第{grid.page or '-'}页）"
        )


def lengthen(growing: Growing, row: tuple[Side | None, str], rest: str) -> None:
    for key in growing.rows.get(row, []):
        fact = growing.facts[key]
        growing.facts[key] = replace(fact, name=fact.name + rest)


def first_unit(text: str) -> MoneyUnit | None:
    match = UNIT.search(text)
    return MoneyUnit(re.sub(r"\s+", "", match[1])) if match else None


def says_empty(text: str) -> bool:
    """Whether a note declares its table empty."""
    plain_text = squeeze(text)
    return any(re.search(pattern, plain_text) for pattern in wording()["declared_empty"])


def _is_empty(facts: Sequence[Fact]) -> bool:
    return all(fact.state is CellState.BLANK or fact.amount_wan == 0 for fact in facts)


def close_forms(
    finished: Sequence[Growing], document_unit: MoneyUnit | None, pages: Sequence[PageText]
) -> list[tuple[FormReading, list[Fact]]]:
    readings: list[tuple[FormReading, list[Fact]]] = []
    for growing in finished:
        notes = list(dict.fromkeys(growing.notes))
        unit = growing.unit or document_unit
        if unit is None:
            unit = MoneyUnit.WAN
            notes.append("未标明金额单位，按万元读取")
        facts = [
            _in_unit(_of_unit(fact, growing.own_units.get(key, unit), unit), unit)
            for key, fact in growing.facts.items()
        ]
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


def _in_row_order(facts: Sequence[Fact], growing: Growing) -> list[Fact]:
    order = {key: number for number, key in enumerate(growing.rows)}
    return sorted(facts, key=lambda fact: order[(fact.side, fact.row)])


def _in_unit(fact: Fact, unit: MoneyUnit) -> Fact:
    if unit is fact.unit is MoneyUnit.WAN:
        return fact
    amount = None if fact.amount_wan is None else unit.to_wan(fact.amount_wan)
    return replace(fact, amount_wan=amount, unit=unit)


def _of_unit(fact: Fact, own: MoneyUnit, unit: MoneyUnit) -> Fact:
    """A fact as it is, or unreadable where it is printed in a unit of its own: its decimals are
    none of its column's."""
    if own is unit:
        return fact
    return replace(fact, amount_wan=None, decimals=None, state=CellState.UNREADABLE)


def _column_variant(growing: Growing, facts: Sequence[Fact]) -> set[str]:
    columns = {fact.column for fact in facts}
    tags = set()
    if growing.form.key == "04" and "state_capital" not in columns:
        tags.add("before_2020")
    if growing.panels:
        tags.add(f"panels_{len(growing.panels)}")
    if growing.form.key == "08":
        tags.add("six_columns" if "opening_balance" in columns else "three_columns")
    return tags


def _is_complete(form: Form, rows: set[tuple[Side | None, str]], facts: Sequence[Fact]) -> bool:
    """Whether the totals that every form ends in, and all obligatory columns, were found."""
    if form.layout == "two_sided":
        if any((side, "grand_total") not in rows for side in (Side.INCOME, Side.EXPENSE)):
            return False
        # Totals alone are what is left when a page's names were not seen.
        for side in (Side.INCOME, Side.EXPENSE):
            lines = {line.key: line.role for line in form.lines_of(side)}
            roles = {lines.get(row) for of, row in rows if of == side}
            if not roles & {"item", "subtotal"}:
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
