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
from warehouse.batches import Batch
from warehouse.performance_shapes import Accounts, Ceiling, NoneBought, Points, ProjectsWithin

SUITE = next(s for s in load_catalogue().suites if s.name == "performance")
CATALOGUE = Catalogue((SUITE,))
#: Ten times the sound accounts, to hold the projects of the forms below.
SOUND = tuple(
    replace(f, amount_wan=f.amount_wan * 10, text=f"{f.amount_wan * 10:.2f}") if f.amount_wan else f
    for f in facts_of(sound_cells())
)

#: indicator, measure, printed text; the number is read off it.
Cell = tuple[str, str, str]

PROJECT: tuple[Cell, ...] = (
    ("年度资金总额", "budget_initial", "100.00"),
    ("年度资金总额", "budget_full_year", "80.00"),
    ("年度资金总额", "executed", "60.00"),
    ("年度资金总额", "weight", "10"),
    ("年度资金总额", "rate", "75.00%"),
    ("年度资金总额", "score", "7.50"),
    ("其中：当年财政拨款", "budget_initial", "100.00"),
    ("其中：当年财政拨款", "budget_full_year", "78.00"),
    ("其中：当年财政拨款", "executed", "60.00"),
    ("上年结转资金", "budget_initial", "0"),
    ("上年结转资金", "budget_full_year", "2.00"),
    ("上年结转资金", "executed", "0"),
    ("其他资金", "budget_initial", ""),
    ("其他资金", "budget_full_year", "—"),
    ("其他资金", "executed", "0.00"),
    ("培训次数", "target", "≥4次"),
    ("培训次数", "actual", "5次"),
    ("培训次数", "weight", "50"),
    ("培训次数", "score", "50"),
    ("采购设备批次", "target", "≥1批"),
    ("采购设备批次", "actual", "0批"),
    ("采购设备批次", "weight", "10"),
    ("采购设备批次", "score", "0"),
    ("学员满意度", "target", "≥90%"),
    ("学员满意度", "actual", "95%"),
    ("学员满意度", "weight", "0"),
    ("学员满意度", "score", "0"),
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
    ("(3)单位资金", "executed", "OTHER"),
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


def _total(form: str, column: str = "total") -> Decimal:
    return next(
        f.amount_wan or Decimal(0)
        for f in SOUND
        if f.form == form and f.row == "total" and f.column == column
    )


OTHER = _total("03") - _total("05") - _total("07") - _total("08")
#: A code whose projects the sound accounts hold; the project's name begins with it.
ITEM = next(
    f.row
    for f in SOUND
    if f.form == "03" and len(f.row) == 7 and f.column == "project" and (f.amount_wan or 0) >= 60
)
NAME = f"{ITEM}业务培训项目"
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
EVALUATED = "十三、预算绩效情况说明"
CLAIMS = {
    ("绩效自评项目", "count"): ("1", "个", "对{}个项目开展了绩效自评，"),
    ("绩效自评项目", "amount"): ("60.00", "万元", "全年执行数{}万元，"),
    ("绩效自评项目", "score_floor"): ("80", "分", "得分均在{}分以上。"),
    ("业务培训（自评）", "amount"): ("60.00", "万元", "“业务培训”项目执行数{}万元，"),
    ("业务培训（自评）", "score"): ("87.50", "分", "自评得分{}分。"),
    ("整体支出自评", "budget_full"): ("190.20", "万元", "整体支出全年预算数{}万元。"),
}

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
    "performance.actual-echoed": ("project", "培训次数", "actual", "≥4次"),
    "performance.cost": ("project", "培训成本", "actual", "75万元"),
    "performance.again-score": ("summary", "自评得分", "score", "87.20"),
    "performance.again-executed": ("summary", "全年执行数", "executed", "61.00"),
    "performance.again-budget-full-year": ("summary", "全年预算数", "budget_full_year", "81.00"),
    "performance.again-budget-initial": ("summary", "年初预算数", "budget_initial", "90.00"),
    "performance.accounts-executed": ("unit", "部门预算总额", "executed", "1.00"),
    "performance.accounts-initial": ("unit", "部门预算总额", "budget_initial", "121.00"),
    "performance.adjustment": ("unit", "预算调整率", "actual", "4%"),
    "performance.rate-base": ("project", "年度资金总额", "rate", "60.00%"),
    "performance.funds": ("project", "其中：当年财政拨款", "executed", "50.00"),
    "performance.accounts-other-funds": ("unit", "(3)单位资金", "executed", "5.37"),
    "performance.projects-within": ("project", "年度资金总额", "executed", "90000.00"),
    "performance.item-projects-within": ("project", "年度资金总额", "executed", "90000.00"),
    "performance.claim-score-floor": ("said", "绩效自评项目", "score_floor", "90"),
    "performance.claim-money": ("said", "绩效自评项目", "amount", "80.50"),
    "performance.claim-more-forms": ("said", "绩效自评项目", "count", "0"),
    "performance.claim-fewer-forms": ("said", "绩效自评项目", "count", "2"),
    "performance.quoted-score": ("said", "业务培训（自评）", "score", "86.50"),
    "performance.quoted-money": ("said", "业务培训（自评）", "amount", "61.00"),
    "performance.quoted-unit": ("said", "整体支出自评", "budget_full", "191.00"),
    "performance.ceiling": ("project", "学员满意度", "actual", "195%"),
    "performance.none-bought": ("project", "采购设备批次", "actual", "15批"),
}


def facts(table: str, cells: tuple[Cell, ...]) -> list[PerformanceFact]:
    found = []
    for indicator, measure, printed in cells:
        text = {"EXPENSE": str(EXPENSE), "OTHER": str(OTHER)}.get(printed, printed)
        digits = text.lstrip("≥≤=<>")
        number = digits.rstrip("%次批万元分")
        unit = digits[len(number) :] or None
        if measure in ("budget_initial", "budget_full_year", "executed"):
            unit = "万元"
        found.append(
            PerformanceFact(
                table=table,
                project="某部门" if table == "unit" else NAME,
                indicator=indicator,
                measure=measure,
                value=Decimal(number) if number.strip("—") else None,
                unit=unit,
                text=text,
                page=9,
            )
        )
    return found


def claims(changed: tuple[str, str, str, str] | None) -> tuple[Statement, ...]:
    """What one sentence says of all projects."""
    said = {
        key: changed[3] if changed and changed[:3] == ("said", *key) else value
        for key, (value, _, _) in CLAIMS.items()
    }
    quote = "".join(CLAIMS[key][2].format(value) for key, value in said.items())
    return tuple(
        Statement(EVALUATED, *key, Decimal(value), CLAIMS[key][1], quote, page=9)
        for key, value in said.items()
    )


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
        statements=(BUDGET, BOUGHT, *claims(changed)),
        notes=notes,
    )


@pytest.fixture(scope="module")
def judged() -> dict[str, Judgement]:
    readings = {rule: [with_performance(spoiled)] for rule, spoiled in SPOILED.items()}
    for rule, [whole] in list(readings.items()):
        performed = tuple(replace(one, agreed=False) for one in whole.performance)
        told = tuple(replace(one, agreed=False) for one in whole.statements)
        readings[f"recognised {rule}"] = [replace(whole, performance=performed, statements=told)]
    readings["met"] = [with_performance()]
    readings["untold"] = [reading(facts=SOUND)]
    note = (f"绩效表“{NAME}”有一行没有读懂",)
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
        assert found[0].page == 9 or isinstance(rule.check, ProjectsWithin)
        assert len(found[0].operands) >= 2 or isinstance(rule.check, Points | Ceiling)
        assert "$" not in found[0].message

    def test_recognised_figures_are_no_errors(
        self, rule: Rule, judged: dict[str, Judgement]
    ) -> None:
        """What recognition of a picture alone saw may be misread."""
        found = of_rule(judged[f"recognised {rule.id}"], rule.id)
        assert {f.state for f in found} == {State.EXTRACTION_SUSPECT}

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


def judge_with(cells: tuple[Cell, ...], *said: Statement) -> dict[str, State]:
    one = replace(reading(facts=SOUND), performance=tuple(facts("project", cells)), statements=said)
    judgement = judge_batch(Batch.from_readings({"x": [one]}), CATALOGUE).judgements[0]
    return {f.rule: f.state for f in judgement.findings}


def test_sources_that_are_not_complete_are_not_added() -> None:
    """A form that lists one of its sources says nothing of the others."""
    cells = tuple(c for c in PROJECT if c[0] not in ("上年结转资金", "其他资金"))
    assert judge_with(cells)["performance.funds"] is State.NOT_APPLICABLE


def test_a_source_that_was_not_read_is_not_added() -> None:
    cells = tuple(c for c in PROJECT if c[:2] != ("其他资金", "executed"))
    assert judge_with(cells)["performance.funds"] is State.NOT_EVALUABLE


def test_money_of_other_projects_is_not_compared() -> None:
    """A sentence about three projects, of which one has a form."""
    said = claims(("said", "绩效自评项目", "count", "3"))
    states = judge_with(PROJECT, *said)
    assert states["performance.claim-money"] is State.NOT_APPLICABLE


def test_one_budget_leaves_the_base_open() -> None:
    cells = tuple((a, m, "100.00" if m == "budget_full_year" else t) for a, m, t in PROJECT)
    assert judge_with(cells)["performance.rate-base"] is State.NOT_APPLICABLE


def test_a_near_name_is_not_taken_where_two_projects_bear_it() -> None:
    """One of two projects of nearly the same name has a form, and not the one that is quoted."""
    said = claims(("said", "业务培训（自评）", "score", "60.00"))
    assert judge_with(PROJECT, *said)["performance.quoted-score"] is State.FAIL
    other = Statement(EVALUATED, "培训专项经费（自评）", "score", Decimal(60), "分", "得分60分。")
    states = judge_with(PROJECT, *said, other)
    assert states["performance.quoted-score"] is State.NOT_APPLICABLE


def test_projects_are_held_against_the_text_where_the_form_is_missing() -> None:
    text = "本年项目支出50.00万元。"
    said = Statement("三、支出", "项目支出", "amount", Decimal("50.00"), "万元", text, page=9)
    forms = tuple(f for f in SOUND if f.form != "03")
    one = replace(
        reading(facts=forms), performance=tuple(facts("project", PROJECT)), statements=(said,)
    )
    judgement = judge_batch(Batch.from_readings({"x": [one]}), CATALOGUE).judgements[0]
    found = of_rule(judgement, "performance.projects-within")
    assert [f.state for f in found] == [State.FAIL]
    assert found[0].quote == text


def test_a_limit_repeated_is_no_cost() -> None:
    """ "≤80万元" as what was achieved leaves open what it cost."""
    cells = tuple(
        (name, measure, "≤80万元" if (name, measure) == ("培训成本", "actual") else text)
        for name, measure, text in PROJECT
    )
    states = judge_with(cells)
    assert states["performance.cost"] is State.NOT_APPLICABLE
    assert states["performance.actual-echoed"] is State.FAIL
