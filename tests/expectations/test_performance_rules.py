"""Every rule of the performance forms: once met, once violated, once silent."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from synthetic_accounts import facts_of, reading, sound_cells

from disclosures.model import PerformanceFact, Reading, Statement
from disclosures.verdicts import Finding, Judgement, State
from expectations.catalogue import Catalogue, Rule, load_catalogue
from expectations.judge import judge_batch
from warehouse.marts import Batch
from warehouse.performance_marts import Accounts, NoneBought, Points

SUITE = next(s for s in load_catalogue().suites if s.name == "performance")
CATALOGUE = Catalogue((SUITE,))
SOUND = facts_of(sound_cells())

#: indicator, measure, printed text; the number is read off it.
Cell = tuple[str, str, str]

PROJECT: tuple[Cell, ...] = (
    ("年度资金总额", "budget_initial", "100.00"),
    ("年度资金总额", "budget_full_year", "80.00"),
    ("年度资金总额", "executed", "60.00"),
    ("年度资金总额", "weight", "10"),
    ("年度资金总额", "rate", "75.00%"),
    ("年度资金总额", "score", "7.50"),
    ("培训次数", "target", "≥4次"),
    ("培训次数", "actual", "5次"),
    ("培训次数", "weight", "50"),
    ("培训次数", "score", "50"),
    ("采购设备批次", "target", "≥1批"),
    ("采购设备批次", "actual", "0批"),
    ("采购设备批次", "weight", "10"),
    ("采购设备批次", "score", "0"),
    ("培训成本", "target", "≤80万元"),
    ("培训成本", "actual", "60万元"),
    ("培训成本", "weight", "30"),
    ("培训成本", "score", "30"),
    ("总分", "weight", "100"),
    ("总分", "total", "87.50"),
)
UNIT: tuple[Cell, ...] = (
    ("部门预算总额", "budget_initial", "120.00"),
    ("部门预算总额", "budget_full_year", "190.20"),
    ("部门预算总额", "executed", "EXPENSE"),
    ("预算调整率", "target", "≤60%"),
    ("预算调整率", "actual", "58.5%"),
    ("预算调整率", "weight", "50"),
    ("预算调整率", "score", "50"),
    ("满意度", "weight", "50"),
    ("满意度", "score", "50"),
)
SUMMARY: tuple[Cell, ...] = (
    ("年初预算数", "budget_initial", "100.00"),
    ("全年预算数", "budget_full_year", "80.00"),
    ("全年执行数", "executed", "60.00"),
    ("预算执行率", "rate", "75%"),
    ("自评得分", "score", "87.50"),
)
EXPENSE = next(
    f.amount_wan
    for f in SOUND
    if f.form == "01" and f.side == "expense" and f.row == "expense_total"
)
BUDGET = Statement(
    "五、说明",
    "一般公共预算财政拨款支出",
    "budget_initial",
    Decimal("120.00"),
    "万元",
    "年初预算120万元",
)
BOUGHT = Statement(
    "十、政府采购", "政府采购支出总额", "amount", Decimal("0.00"), "万元", "0.00万元"
)

#: What of which table spoils a rule: table, indicator, measure, printed text.
SPOILED = {
    "performance.rate": ("project", "年度资金总额", "rate", "85.00%"),
    "performance.rate-score": ("project", "年度资金总额", "score", "9.50"),
    "performance.weights": ("project", "总分", "weight", "110"),
    "performance.weights-hundred": ("unit", "满意度", "weight", "40"),
    "performance.scores": ("project", "总分", "total", "88.50"),
    "performance.within-weight": ("project", "培训次数", "score", "51"),
    "performance.missed-full": ("project", "培训次数", "actual", "3次"),
    "performance.met-not-full": ("project", "培训次数", "score", "40"),
    "performance.cost": ("project", "培训成本", "actual", "75万元"),
    "performance.again-score": ("summary", "自评得分", "score", "87.20"),
    "performance.again-executed": ("summary", "全年执行数", "executed", "61.00"),
    "performance.again-budget-full-year": ("summary", "全年预算数", "budget_full_year", "81.00"),
    "performance.again-budget-initial": ("summary", "年初预算数", "budget_initial", "90.00"),
    "performance.accounts-executed": ("unit", "部门预算总额", "executed", "1.00"),
    "performance.accounts-initial": ("unit", "部门预算总额", "budget_initial", "121.00"),
    "performance.adjustment": ("unit", "预算调整率", "actual", "4%"),
    "performance.none-bought": ("project", "采购设备批次", "actual", "15批"),
}


def facts(table: str, cells: tuple[Cell, ...]) -> list[PerformanceFact]:
    found = []
    for indicator, measure, printed in cells:
        text = str(EXPENSE) if printed == "EXPENSE" else printed
        digits = text.lstrip("≥≤=<>")
        number = digits.rstrip("%次批万元分")
        unit = digits[len(number) :] or None
        if measure in ("budget_initial", "budget_full_year", "executed"):
            unit = "万元"
        found.append(
            PerformanceFact(
                table=table,
                project="某部门" if table == "unit" else "培训项目",
                indicator=indicator,
                measure=measure,
                value=Decimal(number),
                unit=unit,
                text=text,
                page=9,
            )
        )
    return found


TABLES = {"project": PROJECT, "unit": UNIT, "summary": SUMMARY}


def with_performance(
    changed: tuple[str, str, str, str] | None = None, notes: tuple[str, ...] = ()
) -> Reading:
    performance: list[PerformanceFact] = []
    for table, cells in TABLES.items():
        if changed and changed[0] == table:
            assert any(c[:2] == changed[1:3] for c in cells)
            cells = tuple((c[0], c[1], changed[3]) if c[:2] == changed[1:3] else c for c in cells)
        performance += facts(table, cells)
    return replace(
        reading(facts=SOUND),
        performance=tuple(performance),
        statements=(BUDGET, BOUGHT),
        notes=notes,
    )


@pytest.fixture(scope="module")
def judged() -> dict[str, Judgement]:
    readings = {rule: [with_performance(spoiled)] for rule, spoiled in SPOILED.items()}
    readings["met"] = [with_performance()]
    readings["untold"] = [reading(facts=SOUND)]
    note = ("绩效表“培训项目”有一行没有读懂",)
    readings["unread row"] = [with_performance(SPOILED["performance.scores"], note)]
    judgements = judge_batch(Batch.from_readings(readings), CATALOGUE).judgements
    return {one.disclosure_id: one for one in judgements}


def of_rule(judgement: Judgement, rule: str) -> list[Finding]:
    return [f for f in judgement.findings if f.rule == rule]


def test_every_rule_is_spoiled() -> None:
    assert set(SPOILED) == {rule.id for rule in SUITE.rules}


@pytest.mark.parametrize("rule", SUITE.rules, ids=lambda r: r.id)
class TestRule:
    def test_met(self, rule: Rule, judged: dict[str, Judgement]) -> None:
        assert [f.message for f in of_rule(judged["met"], rule.id)] == []

    def test_violated(self, rule: Rule, judged: dict[str, Judgement]) -> None:
        found = of_rule(judged[rule.id], rule.id)
        assert [f.state for f in found] == [State.FAIL] * len(found)
        assert found
        assert found[0].severity is rule.severity
        assert found[0].page == 9
        assert len(found[0].operands) >= 2 or isinstance(rule.check, Points)
        assert "$" not in found[0].message

    def test_does_not_apply(self, rule: Rule, judged: dict[str, Judgement]) -> None:
        states = [f.state for f in of_rule(judged["untold"], rule.id)]
        assert states == [State.NOT_APPLICABLE]


def test_a_form_with_an_unread_row_is_in_doubt(judged: dict[str, Judgement]) -> None:
    found = of_rule(judged["unread row"], "performance.scores")
    assert [f.state for f in found] == [State.EXTRACTION_SUSPECT]


def test_comparisons_name_what_is_compared(judged: dict[str, Judgement]) -> None:
    for rule in SUITE.rules:
        if isinstance(rule.check, Accounts | NoneBought):
            roles = {o.role for o in of_rule(judged[rule.id], rule.id)[0].operands}
            assert roles == {"stated", "addend"}
