"""Synthetic figures are clean: their identities hold to the rounding of the printed cells."""

from collections.abc import Iterable
from decimal import Decimal

import pytest

from disclosures.amounts import parse_amount
from disclosures.forms import forms
from disclosures.model import Side
from disclosures.rendering.figures import CodedFigures, Figures
from disclosures.rendering.layout import layouts
from disclosures.rendering.narrative import narrate, unprinted
from disclosures.rendering.synthetic import synthetic_figures

SEEDS = range(120)


def amount(text: str) -> Decimal:
    return parse_amount(text).value or Decimal(0)


def holds(total: Decimal, addends: Iterable[Decimal]) -> bool:
    parts = list(addends)
    slack = (1 + sum(1 for part in parts if part)) * Decimal("0.005")
    return abs(total - sum(parts)) <= slack


def coded_holds(form: CodedFigures) -> bool:
    for length, below in ((0, 3), (3, 5), (5, 7)):
        above = [row for row in form.rows if len(row.code) == length]
        tops = [("", form.total)] if length == 0 else [(row.code, row.values) for row in above]
        for code, values in tops:
            under = [r for r in form.rows if len(r.code) == below and r.code.startswith(code)]
            for column, text in values.items():
                if not holds(amount(text), (amount(r.values[column]) for r in under)):
                    return False
    return True


@pytest.fixture(scope="module")
def batch() -> list[Figures]:
    return [synthetic_figures(seed) for seed in SEEDS]


def test_the_same_seed_gives_the_same_figures(batch: list[Figures]) -> None:
    assert synthetic_figures(7) == batch[7]
    assert len({(f.region, f.agency) for f in batch}) == len(batch)


def test_totals_of_01_and_04(batch: list[Figures]) -> None:
    classes = {line.key for line in forms()["01"].lines_of(Side.EXPENSE) if line.key.isdigit()}
    for figures in batch:
        one, four = figures.forms.f01, figures.forms.f04
        assert one is not None
        assert four is not None
        income = {key: amount(text) for key, text in one.income.items()}
        expense = {k: amount(v) for k, v in one.expense.items() if isinstance(v, str)}
        sources = list(income)[:8]
        assert holds(income["income_total"], (income[key] for key in sources))
        tail = ("income_total", "non_appropriation_balance_used", "opening_balance")
        assert holds(income["grand_total"], (income[key] for key in tail))
        assert holds(expense["expense_total"], (expense[c] for c in classes & set(expense)))
        assert income["grand_total"] == expense["grand_total"]
        for row, values in four.expense.items():
            assert isinstance(values, dict), row
            funds = ("general_budget", "government_fund", "state_capital")
            assert holds(amount(values["total"]), (amount(values[key]) for key in funds))


def test_coded_forms_add_up_and_rounding_differences_occur(batch: list[Figures]) -> None:
    exact = 0
    for figures in batch:
        f = figures.forms
        for form in (f.f02, f.f03, f.f05, f.f07, f.f08):
            assert form is not None
            assert coded_holds(form)
        assert f.f03 is not None
        top = [amount(row.values["total"]) for row in f.f03.rows if len(row.code) == 3]
        exact += amount(f.f03.total["total"]) == sum(top)
    # Real disclosures are off by a hundredth now and then; so are these.
    assert 0 < exact < len(batch)


def test_basic_expenditure_ties_to_its_economic_items(batch: list[Figures]) -> None:
    for figures in batch:
        five, six = figures.forms.f05, figures.forms.f06
        assert five is not None
        assert six is not None
        basic = amount(five.total["basic"])
        assert holds(basic, [amount(six.personnel_total), amount(six.public_total)])
        groups = {i.code: amount(i.amount) for i in six.items if len(i.code) == 3}
        for code, total in groups.items():
            below = [i for i in six.items if len(i.code) > 3 and i.code.startswith(code)]
            assert holds(total, (amount(i.amount) for i in below))
        assert holds(amount(six.personnel_total), [groups["301"], groups["303"]])


def test_kinds_of_departments_occur(batch: list[Figures]) -> None:
    assert {f.scope for f in batch} == {"部门", "单位"}
    assert any(f.forms.f07 and f.forms.f07.rows for f in batch)
    assert any(f.forms.f08 and f.forms.f08.rows for f in batch)
    assert any(f.performance.evaluations for f in batch)
    assert any(not f.performance.evaluations for f in batch)
    totals = [amount(f.forms.f03.total["total"]) for f in batch if f.forms.f03]
    assert min(totals) < 300 < 5_000 < max(totals)


def test_every_wording_tells_every_kind_of_department(batch: list[Figures]) -> None:
    for name in ("henan_sanmenxia", "heilongjiang", "shandong", "shanghai", "guangdong_2019"):
        for figures in batch[:40]:
            text = "".join(p.text for p in narrate(figures, layouts()[name]))
            for leftover in ("None", "{", "}}", "，，", "。。", "；。", "，。", "：。"):
                assert leftover not in text, (name, figures.agency, leftover)
    assert not any(unprinted(figures, layouts()["henan_sanmenxia"]) for figures in batch)
