"""Which figures the sums within their own form confirm, as a check of reading.

A misread digit breaks every sum that it is part of. A sum counts only when it holds to the last
printed digit, although rounding may rightly break it: here it has to prove that each of its
figures was read as printed, not that the accounts are right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from disclosures.amounts import CellState
from disclosures.forms import Form, forms
from disclosures.model import Fact, Side

FactKey = tuple[str, str, str, str]
#: Keys of the figures on the two sides of an equation.
_Equation = tuple[Sequence[FactKey], Sequence[FactKey]]

# Left and right columns of the equations within a row.
_ROW_SUMS: Final[Mapping[str, Sequence[tuple[Sequence[str], Sequence[str]]]]] = {
    "02": [
        (
            ["total"],
            [
                "appropriation",
                "superior_subsidy",
                "business",
                "operating",
                "subordinate_remittance",
                "other",
            ],
        )
    ],
    "03": [
        (
            ["total"],
            ["basic", "project", "remitted_to_superior", "operating", "subsidy_to_subordinates"],
        )
    ],
    "04": [(["total"], ["general_budget", "government_fund", "state_capital"])],
    "05": [(["total"], ["basic", "project"])],
    "07": [
        (["total"], ["basic", "project"]),
        (["opening_balance", "income"], ["total", "closing_balance"]),
    ],
    "08": [(["total"], ["basic", "project"])],
    "09": [
        ([f"{group}.{whole}"], [f"{group}.{part}" for part in parts])
        for group in ("budget", "actual")
        for whole, parts in (
            ("total", ("overseas", "vehicles", "hospitality")),
            ("vehicles", ("vehicle_purchase", "vehicle_operation")),
        )
    ],
}


def confirmed(facts: Sequence[Fact]) -> frozenset[FactKey]:
    """Keys of all figures that are part of a sum that holds exactly.

    Figures that are not agreed, or unreadable, make no sum; blank cells count as nothing, and a
    sum of nothing but blanks and zeros on one side and nothing on the other proves nothing.
    """
    known = {fact.key: fact for fact in facts}
    proven: set[FactKey] = set()
    by_form: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_form[fact.form].append(fact)
    for key, own in by_form.items():
        for left, right in _equations(forms()[key], own):
            present = [known[place] for place in (*left, *right) if place in known]
            if any(not fact.agreed or fact.state is CellState.UNREADABLE for fact in present):
                continue
            figures = [[known[k] for k in side if k in known] for side in (left, right)]
            if not all(any(f.state is CellState.READ for f in side) for side in figures):
                continue
            sums = [sum((f.amount_wan or Decimal(0) for f in side), Decimal(0)) for side in figures]
            if sums[0] == sums[1]:
                proven.update(fact.key for fact in present)
    return frozenset(proven)


def _equations(form: Form, facts: Sequence[Fact]) -> Iterator[_Equation]:
    rows = dict.fromkeys((fact.side, fact.row) for fact in facts)
    for side, row in rows:
        for left, right in _ROW_SUMS.get(form.key, ()):
            yield (
                [_key(form, side, row, column) for column in left],
                [_key(form, side, row, column) for column in right],
            )
    for side, column in dict.fromkeys((fact.side, fact.column) for fact in facts):
        own = [fact for fact in facts if fact.side == side and fact.column == column]
        if form.layout == "two_sided":
            yield from _by_lines(form, side, column, own)
        elif form.codes is not None:
            yield from _by_codes(form, column, own)


def _key(form: Form, side: Side | None, row: str, column: str) -> FactKey:
    return (form.key, side.value if side else "", row, column)


def _by_lines(
    form: Form, side: Side | None, column: str, facts: Sequence[Fact]
) -> Iterator[_Equation]:
    """Subtotal of the items, grand total of subtotal and balances, and the parts of a balance."""
    lines = form.lines_of(side)
    known = {line.key for line in lines}
    if any(fact.row not in known and fact.state is not CellState.BLANK for fact in facts):
        return
    named = {role: [line for line in lines if line.role == role] for role in _ROLES}

    def keys(role: str, after: str | None = None) -> list[FactKey]:
        return [_key(form, side, line.key, column) for line in named[role] if line.after == after]

    yield keys("subtotal"), keys("item")
    yield keys("grand_total"), [*keys("subtotal"), *keys("balance")]
    for parent in dict.fromkeys(line.after for line in lines if line.after):
        yield [_key(form, side, parent, column)], keys("balance", parent)


_ROLES: Final = ("item", "subtotal", "balance", "grand_total")


def _by_codes(form: Form, column: str, facts: Sequence[Fact]) -> Iterator[_Equation]:
    """Every code of the codes right below it, and the totals of the topmost codes."""
    codes = [fact.code for fact in facts if fact.code]
    below: dict[str, list[FactKey]] = defaultdict(list)
    place = {fact.code: fact.key for fact in facts if fact.code}
    for code in codes:
        parents = [other for other in codes if other != code and code.startswith(other)]
        below[max(parents, key=len, default="")].append(place[code])
    for parent, children in below.items():
        if parent:
            yield [place[parent]], children
    if form.layout != "panels":
        yield [_key(form, None, "total", column)], below[""]
        return
    groups = form.personnel_groups
    people = [key for key in below[""] if key[2] in groups]
    public = [key for key in below[""] if key[2] not in groups]
    totals = {name: _key(form, None, name, column) for name in _PANEL_TOTALS}
    yield [totals["personnel_total"]], people
    yield [totals["public_total"]], public
    yield [totals["total"]], [*people, *public]
    yield [totals["total"]], [totals["personnel_total"], totals["public_total"]]


_PANEL_TOTALS: Final = ("personnel_total", "public_total", "total")
