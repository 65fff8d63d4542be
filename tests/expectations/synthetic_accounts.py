"""Accounts of an invented department that satisfy every identity, and ways to spoil them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal

from disclosures.amounts import CellState, MoneyUnit
from disclosures.classification import economic_names
from disclosures.forms import expense_classes, forms
from disclosures.model import DocumentKind, Fact, FormReading, Reading, Side

Key = tuple[str, str, str, str]
Cells = dict[Key, Decimal]

# 项 -> (basic, project) by source of money
GENERAL = {
    "2010301": ("100.11", "0"),
    "2010302": ("0", "20.22"),
    "2010308": ("0", "5.05"),
    "2080505": ("10.10", "0"),
    "2080506": ("5.50", "0"),
    "2210201": ("8.08", "0"),
}
FUND = {"2120801": ("0", "30.03"), "2120803": ("0", "4.04")}
CAPITAL = {"2230105": ("0", "7.07")}
ECONOMIC = {
    "30101": "80.00",
    "30108": "10.10",
    "30109": "5.50",
    "30113": "8.08",
    "30201": "6.00",
    "30212": "2.00",
    "30217": "1.00",
    "30231": "3.00",
    "30301": "4.11",
    "31002": "1.50",
    "31013": "2.50",
}
NAMES = {
    "201": "一般公共服务支出",
    "208": "社会保障和就业支出",
    "212": "城乡社区支出",
    "221": "住房保障支出",
    "223": "国有资本经营预算支出",
}


def _codes(items: dict[str, tuple[str, str]]) -> dict[str, tuple[Decimal, Decimal]]:
    """项 with their 款, 类 and 合计 added up: (basic, project)."""
    result: dict[str, tuple[Decimal, Decimal]] = {}
    for code, (basic, project) in items.items():
        for key in ("total", code[:3], code[:5], code):
            old = result.get(key, (Decimal(0), Decimal(0)))
            result[key] = (old[0] + Decimal(basic), old[1] + Decimal(project))
    return result


def cells_before_2020() -> Cells:
    """The forms as they were before 国有资本经营预算 had lines, a column and a form of its own."""
    return {
        key: value
        for key, value in sound_cells(with_capital=False).items()
        if key[0] != "08" and "state_capital" not in (key[2] + key[3])
    }


def sound_cells(*, with_capital: bool = True) -> Cells:
    """Every figure of the nine forms; 08 in the wide layout, 06 with one total over both."""
    own = CAPITAL if with_capital else {"2230105": ("0", "0")}
    general, fund, capital = _codes(GENERAL), _codes(FUND), _codes(own)
    everything = _codes({**GENERAL, **FUND, **own})
    zero = Decimal("0.00")
    opening = {"general_budget": Decimal("11"), "government_fund": Decimal("3")}
    opening["state_capital"] = Decimal(1 if with_capital else 0)
    spent = {
        "general_budget": sum(general["total"]),
        "government_fund": sum(fund["total"]),
        "state_capital": sum(capital["total"]),
    }
    closing = {"general_budget": Decimal("9"), "government_fund": Decimal("2")}
    closing["state_capital"] = zero
    income = {k: spent[k] + closing[k] - opening[k] for k in spent}
    total_income, total_spent = sum(income.values()), sum(spent.values())
    cells: Cells = {}

    def put(form: str, side: str, row: str, column: str, value: Decimal | int) -> None:
        cells[form, side, row, column] = Decimal(value)

    for form, side in (("01", "amount"), ("04", "amount")):
        for key, value in income.items():
            put(form, "income", key, side, value)
        put(form, "income", "income_total", side, total_income)
        put(form, "income", "opening_balance", side, sum(opening.values()))
        put(form, "income", "grand_total", side, total_income + sum(opening.values()))
    for line in ("superior_subsidy", "business", "operating", "subordinate_remittance", "other"):
        put("01", "income", line, "amount", zero)
    put("01", "income", "non_appropriation_balance_used", "amount", zero)
    put("01", "expense", "balance_distribution", "amount", zero)
    for key, value in opening.items():
        put("04", "income", f"opening_{key}", "amount", value)
    tables = {"general_budget": general, "government_fund": fund, "state_capital": capital}
    for one in expense_classes():
        put("01", "expense", one.code, "amount", sum(everything.get(one.code, (zero, zero))))
        put("04", "expense", one.code, "total", sum(everything.get(one.code, (zero, zero))))
        for column, table in tables.items():
            put("04", "expense", one.code, column, sum(table.get(one.code, (zero, zero))))
    for form, column in (("01", "amount"), ("04", "total")):
        put(form, "expense", "expense_total", column, total_spent)
        put(form, "expense", "closing_balance", column, sum(closing.values()))
        put(form, "expense", "grand_total", column, total_spent + sum(closing.values()))
    for column in tables:
        put("04", "expense", "expense_total", column, spent[column])
        put("04", "expense", "closing_balance", column, closing[column])
        put("04", "expense", "grand_total", column, spent[column] + closing[column])
    received = everything
    # Income by code follows expenditure but for the balances, which stay with one code.
    shift = total_income - total_spent
    for code, (basic, project) in received.items():
        amount = basic + project + (shift if code in ("total", "201", "20103", "2010301") else 0)
        for column in forms()["02"].column_keys():
            put("02", "", code, column, amount if column in ("total", "appropriation") else zero)
    for code, (basic, project) in everything.items():
        for column in forms()["03"].column_keys():
            spent = {"total": basic + project, "basic": basic, "project": project}
            put("03", "", code, column, spent.get(column, zero))
    for code, (basic, project) in general.items():
        for column, value in (("total", basic + project), ("basic", basic), ("project", project)):
            put("05", "", code, column, value)
    for form, table, key in (("07", fund, "government_fund"), ("08", capital, "state_capital")):
        first = min(code for code in table if len(code) == 7)
        for code, (basic, project) in table.items():
            holds = code == "total" or first.startswith(code)
            before, after = (opening[key], closing[key]) if holds else (zero, zero)
            put(form, "", code, "opening_balance", before)
            put(form, "", code, "income", basic + project + after - before)
            put(form, "", code, "total", basic + project)
            put(form, "", code, "basic", basic)
            put(form, "", code, "project", project)
            put(form, "", code, "closing_balance", after)
    groups: dict[str, Decimal] = {}
    for code, text in ECONOMIC.items():
        put("06", "", code, "amount", Decimal(text))
        groups[code[:3]] = groups.get(code[:3], zero) + Decimal(text)
    for code, amount in groups.items():
        put("06", "", code, "amount", amount)
    personnel = groups["301"] + groups["303"]
    put("06", "", "personnel_total", "amount", personnel)
    put("06", "", "public_total", "amount", sum(groups.values()) - personnel)
    put("06", "", "total", "amount", sum(groups.values()))
    for group, extra in (("budget", 2), ("actual", 1)):
        parts = {"overseas": 2, "vehicle_purchase": 3, "vehicle_operation": 4, "hospitality": 1}
        for key, number in parts.items():
            put("09", "", "only", f"{group}.{key}", Decimal(number + extra))
        put("09", "", "only", f"{group}.vehicles", Decimal(7 + 2 * extra))
        put("09", "", "only", f"{group}.total", Decimal(10 + 4 * extra))
    return cells


def name_of(row: str) -> str:
    if row in economic_names():
        return economic_names()[row][0]
    return NAMES.get(row, f"科目{row}" if row.isdigit() else row)


def facts_of(
    cells: Cells, *, decimals: int = 2, unit: MoneyUnit = MoneyUnit.WAN
) -> tuple[Fact, ...]:
    """Facts as a reader would give them, every figure printed with the same decimals."""
    return tuple(
        Fact(
            form=form,
            side=Side(side) if side else None,
            row=row,
            line=None,
            code=row if row.isdigit() else None,
            name=name_of(row),
            column=column,
            amount_wan=value,
            text=f"{value:.{decimals}f}",
            decimals=decimals,
            unit=unit,
            page=int(form),
            readers=("tablers", "tabula"),
        )
        for (form, side, row, column), value in cells.items()
    )


def reading(
    cells: Cells | None = None,
    *,
    facts: Iterable[Fact] | None = None,
    year: int | None = 2023,
    present: Iterable[str] | None = None,
    declared_empty: Iterable[str] = (),
    incomplete: Iterable[str] = (),
    titles: dict[str, str] | None = None,
    sha256: str = "a" * 64,
) -> Reading:
    """A reading of these figures (the sound ones by default)."""
    stated = (
        tuple(facts) if facts is not None else facts_of(sound_cells() if cells is None else cells)
    )
    keys = sorted({f.form for f in stated} | set(declared_empty)) if present is None else present
    return Reading(
        sha256=sha256,
        media_type="application/pdf",
        kind=DocumentKind.FINAL_ACCOUNTS,
        agency="某某局",
        year=year,
        unit=MoneyUnit.WAN,
        pages=20,
        forms=tuple(
            FormReading(
                form=key,
                title=(titles or {}).get(key, forms()[key].title),
                pages=(int(key),),
                unit=MoneyUnit.WAN,
                variant="",
                declared_empty=key in declared_empty,
                complete=key not in incomplete,
            )
            for key in keys
        ),
        facts=stated,
    )


def change(facts: Iterable[Fact], key: Key, by: str) -> tuple[Fact, ...]:
    """The facts with one figure changed by an amount in 万元."""
    found = False
    result = []
    for fact in facts:
        if fact.key == key:
            found = True
            amount = (fact.amount_wan or Decimal(0)) + Decimal(by)
            fact = replace(fact, amount_wan=amount, text=f"{amount:.2f}")
        result.append(fact)
    assert found, f"no such figure: {key}"
    return tuple(result)


def alter(
    facts: Iterable[Fact], choose: Callable[[Fact], bool], **changes: object
) -> tuple[Fact, ...]:
    """The facts with some of them replaced."""
    return tuple(replace(f, **changes) if choose(f) else f for f in facts)  # type: ignore[arg-type]


def blank(facts: Iterable[Fact], chosen: Iterable[str]) -> tuple[Fact, ...]:
    """The facts with whole forms left blank."""
    wanted = set(chosen)
    return alter(
        facts,
        lambda f: f.form in wanted,
        amount_wan=None,
        text="",
        decimals=None,
        state=CellState.BLANK,
    )
