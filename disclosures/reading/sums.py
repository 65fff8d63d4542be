"""Which figures are confirmed by the sums within their form and by other forms that print them
again, as a check of reading.

A misread digit breaks every sum that it is part of. A sum counts only when it holds to the last
printed digit, although rounding may rightly break it: here it has to prove that each of its
figures was read as printed, not that the accounts are right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from disclosures.amounts import CellState
from disclosures.forms import Form, forms
from disclosures.model import Fact, Side

FactKey = tuple[str, str, str, str]
#: Keys of the figures on the two sides of an equation.
_Equation = tuple[Sequence[FactKey], Sequence[FactKey]]

# Left and right columns of the equations within a row.
ROW_SUMS: Final[Mapping[str, Sequence[tuple[Sequence[str], Sequence[str]]]]] = {
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
    """Keys of all figures that are part of a sum that holds exactly, or that stand equal to
    another one where the two must be the same.

    Figures that are not agreed, or unreadable, make no sum; blank cells count as nothing, and a
    sum of nothing but blanks and zeros on one side and nothing on the other proves nothing.
    Equal figures may have been misread alike, so they prove nothing where a sum with one of them
    fails, unless another sum proves one of them.
    """
    known = {fact.key: fact for fact in facts}
    by_form: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_form[fact.form].append(fact)
    proven: set[FactKey] = set()
    failing: set[FactKey] = set()
    equal: list[tuple[FactKey, FactKey, list[Fact]]] = []
    within = [e for key, own in by_form.items() for e in _equations(forms()[key], own)]
    between = [*_between_forms(), *_same_codes(by_form)]
    for place, (left, right) in enumerate([*within, *between]):
        present = _holding(known, left, right)
        if place >= len(within):
            # Two zeros, or two single digits, may agree by chance.
            if not any(len(fact.text.strip("-0.,")) >= _TELLING for fact in present):
                continue
        elif not present and _fails(known, left, right):
            failing.update(key for key in (*left, *right) if key in known)
        filled = [fact.key for fact in present if fact.amount_wan]
        if len(filled) == 2 and sum(key in left for key in filled) == 1:
            equal.append((filled[0], filled[1], present))
        else:
            proven.update(fact.key for fact in present)
    proven.update(_proven_alike(equal, proven, failing))
    return frozenset(proven)


def _proven_alike(
    equal: Sequence[tuple[FactKey, FactKey, Sequence[Fact]]],
    proven: Collection[FactKey],
    failing: Collection[FactKey],
) -> Iterator[FactKey]:
    """Keys of the figures of equations between two figures, with what is nothing in them, if
    something proves one of all that are equal, or no sum speaks against one."""
    group = {key: key for one, other, _ in equal for key in (one, other)}

    def root(key: FactKey) -> FactKey:
        while group[key] != key:
            group[key] = group[group[key]]
            key = group[key]
        return key

    for one, other, _ in equal:
        group[root(one)] = root(other)
    sure = {root(key) for key in group if key in proven}
    doubtful = {root(key) for key in group if key in failing} - sure
    for one, _, present in equal:
        if root(one) not in doubtful:
            yield from (fact.key for fact in present)


def _fails(
    known: Mapping[FactKey, Fact], left: Sequence[FactKey], right: Sequence[FactKey]
) -> bool:
    """Whether an equation of agreed figures, some on each side, does not hold but for rounding."""
    sides = [[known[key] for key in side if key in known] for side in (left, right)]
    return (
        all(any(fact.state is CellState.READ for fact in side) for side in sides)
        and all(
            fact.agreed and fact.state is not CellState.UNREADABLE
            for side in sides
            for fact in side
        )
        and not _within_rounding(known, left, right)
    )


def unbalanced(facts: Sequence[Fact]) -> frozenset[str]:
    """Forms whose totals are not the sum of their rows: a row, or a page of them, may be lost."""
    known = {fact.key: fact for fact in facts}
    by_form: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_form[fact.form].append(fact)
    return frozenset(
        key
        for key, own in by_form.items()
        if any(
            known[left[0]].amount_wan
            and not _holding(known, left, right)
            and not _within_rounding(known, left, right)
            for left, right in _equations(forms()[key], own)
            if len(left) == 1 and left[0] in known and left[0][2] in _WHOLES
        )
    )


def violated(facts: Sequence[Fact]) -> frozenset[str]:
    """Forms in which some sum does not hold, not even within rounding: misread, or wrong as
    printed. Sums of which one side was not read at all say nothing."""
    known = {fact.key: fact for fact in facts}
    by_form: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_form[fact.form].append(fact)
    return frozenset(
        key
        for key, own in by_form.items()
        if any(
            all(
                any(k in known and known[k].state is CellState.READ for k in side)
                for side in (left, right)
            )
            and not _within_rounding(known, left, right)
            for left, right in _equations(forms()[key], own)
        )
    )


def broken_rows(facts: Sequence[Fact]) -> frozenset[FactKey]:
    """Keys of all cells of rows whose sum does not hold, not even within rounding, or that have
    a code and not one figure."""
    known = {fact.key: fact for fact in facts}
    broken: set[FactKey] = set()
    for form, side, row in {(fact.form, fact.side, fact.row) for fact in facts}:
        for left, right in ROW_SUMS.get(form, ()):
            keys = [
                [_key(forms()[form], side, row, column) for column in columns]
                for columns in (left, right)
            ]
            if not _within_rounding(known, keys[0], keys[1]):
                broken.update(key for side_keys in keys for key in side_keys)
    filled = {(f.form, f.row) for f in facts if f.state is CellState.READ}
    # A function stands in a form for the sake of its figures; form 06 lists all its items.
    broken.update(
        f.key for f in facts if f.code and f.form in _CODED and (f.form, f.row) not in filled
    )
    return frozenset(broken)


def _holding(
    known: Mapping[FactKey, Fact], left: Sequence[FactKey], right: Sequence[FactKey]
) -> list[Fact]:
    """The figures of an equation that holds to the last digit, else none."""
    figures = [[known[key] for key in side if key in known] for side in (left, right)]
    present = [fact for side in figures for fact in side]
    if any(not fact.agreed or fact.state is CellState.UNREADABLE for fact in present):
        return []
    if not all(any(f.state is CellState.READ for f in side) for side in figures):
        return []
    sums = [sum((f.amount_wan or Decimal(0) for f in side), Decimal(0)) for side in figures]
    return present if sums[0] == sums[1] else []


def _within_rounding(
    known: Mapping[FactKey, Fact], left: Sequence[FactKey], right: Sequence[FactKey]
) -> bool:
    figures = [[known[key] for key in side if key in known] for side in (left, right)]
    sums = [sum((f.amount_wan or Decimal(0) for f in side), Decimal(0)) for side in figures]
    parts = [fact for side in figures for fact in side if fact.amount_wan]
    steps = [fact.unit.to_wan(Decimal(1).scaleb(-(fact.decimals or 0))) for fact in parts]
    return abs(sums[0] - sums[1]) <= sum(steps, Decimal(0)) / 2


#: Rows that hold the sum of all others.
_WHOLES: Final = frozenset(
    {"total", "income_total", "expense_total", "personnel_total", "public_total"}
)
#: Digits that a figure must have to be known again in another form.
_TELLING: Final = 3


def _between_forms() -> Iterator[_Equation]:
    """Figures that the forms print again: the totals of one form in another."""

    def amount(form: str, side: Side | None, row: str, column: str) -> FactKey:
        return (form, side.value if side else "", row, column)

    income, expense = Side.INCOME, Side.EXPENSE
    funds = ("general_budget", "government_fund", "state_capital")
    lines = [amount("01", income, fund, "amount") for fund in funds]
    appropriation = [amount("02", None, "total", "appropriation")]
    yield appropriation, lines
    yield appropriation, [amount("04", income, "income_total", "amount")]
    for column in ("superior_subsidy", "business", "operating", "subordinate_remittance", "other"):
        yield [amount("01", income, column, "amount")], [amount("02", None, "total", column)]
    yield [amount("01", income, "income_total", "amount")], [amount("02", None, "total", "total")]
    yield [amount("01", expense, "expense_total", "amount")], [amount("03", None, "total", "total")]
    for fund in funds:
        yield [amount("01", income, fund, "amount")], [amount("04", income, fund, "amount")]
    for form, column in (("01", "amount"), ("04", "total")):
        yield (
            [amount(form, income, "grand_total", "amount")],
            [amount(form, expense, "grand_total", column)],
        )
    for form, fund in (("05", funds[0]), ("07", funds[1]), ("08", funds[2])):
        yield [amount("04", expense, "expense_total", fund)], [amount(form, None, "total", "total")]
    for fund, form in ((funds[1], "07"), (funds[2], "08")):
        yield [amount("04", income, fund, "amount")], [amount(form, None, "total", "income")]
    yield (
        [amount("05", None, "total", "basic")],
        [amount("06", None, f"{kind}_total", "amount") for kind in ("personnel", "public")],
    )
    # Equal where no project money is spent on them.
    for code, column in (
        ("30212", "overseas"),
        ("30231", "vehicle_operation"),
        ("31013", "vehicle_purchase"),
        ("30217", "hospitality"),
    ):
        yield [amount("06", None, code, "amount")], [amount("09", None, "only", f"actual.{column}")]
    for column in forms()["09"].column_keys():
        group, _, part = column.partition(".")
        if group == "budget":
            yield (
                [amount("09", None, "only", column)],
                [amount("09", None, "only", f"actual.{part}")],
            )
    # Social insurance and the housing fund, by function and by kind.
    for code, item in (("2080505", "30108"), ("2080506", "30109"), ("2210201", "30113")):
        yield [amount("05", None, code, "basic")], [amount("06", None, item, "amount")]


_CODED: Final = ("02", "03", "05", "07", "08")


def _same_codes(by_form: Mapping[str, Sequence[Fact]]) -> Iterator[_Equation]:
    """The rows of one code in several forms; they are equal where no other money is about."""
    pairs = (
        (("02", "total"), ("03", "total")),
        (("02", "appropriation"), ("05", "total")),
        (("03", "total"), ("05", "total")),
        (("03", "basic"), ("05", "basic")),
        (("03", "project"), ("05", "project")),
        (("03", "project"), ("07", "project")),
        (("03", "total"), ("07", "total")),
        (("03", "total"), ("08", "total")),
    )
    rows = {key: {fact.row for fact in by_form.get(key, ()) if fact.code} for key in _CODED}
    for (one, column), (other, again) in pairs:
        for row in {"total"} | rows[one] & rows[other]:
            yield [(one, "", row, column)], [(other, "", row, again)]
    # The classes of the two overviews.
    for form, column, detail in (
        ("01", "amount", "03"),
        ("04", "general_budget", "05"),
        ("04", "government_fund", "07"),
        ("04", "state_capital", "08"),
    ):
        for row in rows[detail]:
            yield [(form, Side.EXPENSE.value, row, column)], [(detail, "", row, "total")]


def unproven(facts: Sequence[Fact]) -> frozenset[FactKey]:
    """Keys of the figures in rows whose printed parts do not add up, but for rounding.

    A figure given to a wrong column breaks the sum of its row.
    """
    known = {fact.key: fact for fact in facts}
    rows = dict.fromkeys((fact.form, fact.side, fact.row) for fact in facts)
    doubtful: set[FactKey] = set()
    for key, side, row in rows:
        for columns in ROW_SUMS.get(key, ()):
            sides = [[_key(forms()[key], side, row, c) for c in part] for part in columns]
            places = [[known[k] for k in part if k in known] for part in sides]
            present = [fact for part in places for fact in part]
            figures = [fact for fact in present if fact.amount_wan]
            if not figures or any(fact.state is CellState.UNREADABLE for fact in present):
                continue
            left, right = (
                sum((fact.amount_wan or Decimal(0) for fact in part), Decimal(0)) for part in places
            )
            rounding = sum(
                (
                    fact.unit.to_wan(Decimal(5).scaleb(-(fact.decimals or 0) - 1))
                    for fact in figures
                ),
                Decimal(0),
            )
            if abs(left - right) > rounding:
                doubtful.update(fact.key for fact in figures)
    return frozenset(doubtful)


def _equations(form: Form, facts: Sequence[Fact]) -> Iterator[_Equation]:
    rows = dict.fromkeys((fact.side, fact.row) for fact in facts)
    for side, row in rows:
        for left, right in ROW_SUMS.get(form.key, ()):
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
