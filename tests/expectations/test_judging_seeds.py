"""Real disclosures: what is rounding is no error, and what is an error is found."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from disclosures.model import DocumentKind, Reading
from disclosures.reading.remarks import remarks, topics
from disclosures.reading.text import read_text
from disclosures.verdicts import Finding, Judgement, Severity, State
from expectations.catalogue import Catalogue, load_catalogue
from expectations.judge import judge_batch
from warehouse.batches import Batch

SEEDS = Path(__file__).resolve().parents[2].parent / "shared" / "seeds"

#: The figures of the forms; those of the text are judged in test_narrative_rules.
FORMS = Catalogue(tuple(s for s in load_catalogue().suites if not s.rules[0].check))

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SEEDS.is_dir(), reason="the real disclosures are not here"),
]


@cache
def read(name: str) -> Reading:
    text = read_text(SEEDS / f"{name}.txt")
    return Reading(
        sha256=name,
        media_type="text/plain",
        kind=DocumentKind.FINAL_ACCOUNTS,
        agency=name,
        year=2023,
        forms=tuple(form for form, _ in text.forms),
        facts=tuple(fact for _, facts in text.forms for fact in facts),
        topics=topics(text.pages),
        remarks=tuple(remarks(text.pages, 2023)),
    )


def errors(judgement: Judgement) -> list[Finding]:
    return [f for f in judgement.findings if f.state is State.FAIL and f.severity is Severity.ERROR]


def changed(one: Reading, key: tuple[str, str, str, str], by: str) -> Reading:
    facts = tuple(
        replace(f, amount_wan=(f.amount_wan or Decimal(0)) + Decimal(by)) if f.key == key else f
        for f in one.facts
    )
    assert facts != one.facts
    return replace(one, facts=facts)


# Disclosure, figure, and the finding that a change by one 万元 must bring.
CHANGES = [
    ("acheng-2023", ("03", "", "total", "total"), "form03.row-sum", "合计／本年支出合计"),
    (
        "acheng-2023",
        ("01", "income", "income_total", "amount"),
        "form01.income-sum",
        "本年收入合计",
    ),
    ("acheng-2023", ("05", "", "2010301", "basic"), "form05.code-sum", "20103／基本支出"),
    ("acheng-2023", ("06", "", "302", "amount"), "form06.group-sum", "302"),
    ("acheng-2023", ("09", "", "only", "actual.total"), "form09.total-sum", "合计决算数"),
    (
        "sanmenxia-2023",
        ("04", "expense", "201", "general_budget"),
        "form04-05.class",
        "201／小计",
    ),
    ("sanmenxia-2023", ("02", "", "total", "total"), "form01-02.total", "合计／本年收入合计"),
]


@pytest.fixture(scope="module")
def judged() -> dict[str, Judgement]:
    readings = {name: [read(name)] for name in ("acheng-2023", "sanmenxia-2023", "wuerhe-2023")}
    for name, key, rule, _ in CHANGES:
        readings[rule] = [changed(read(name), key, "1.00")]
    judgements = judge_batch(Batch.from_readings(readings), FORMS).judgements
    return {one.disclosure_id: one for one in judgements}


@pytest.mark.parametrize("name", ["acheng-2023", "sanmenxia-2023"])
def test_differences_of_rounding_are_no_errors(name: str, judged: dict[str, Judgement]) -> None:
    judgement = judged[name]
    assert errors(judgement) == []
    assert judgement.checks[State.WITHIN_ROUNDING.value] >= 10
    assert judgement.checks[State.EXACT.value] > 300
    assert judgement.coverage > 99


@pytest.mark.parametrize(("rule", "subject"), [change[2:] for change in CHANGES])
def test_a_changed_figure_is_found(rule: str, subject: str, judged: dict[str, Judgement]) -> None:
    assert (rule, subject) in {(f.rule, f.subject) for f in errors(judged[rule])}
    assert judged[rule].grade in "CDE"


def test_a_narrative_without_tables_is_not_judged(judged: dict[str, Judgement]) -> None:
    judgement = judged["wuerhe-2023"]
    assert judgement.score is None
    assert {f.state for f in judgement.findings} <= {State.NOT_EVALUABLE, State.NOT_APPLICABLE}
