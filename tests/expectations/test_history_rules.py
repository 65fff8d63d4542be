"""Rules between two years: each met, violated, and silent where last year is not archived."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from synthetic_accounts import Key, alter, change, facts_of, reading, sound_cells

from disclosures.model import Fact, Reading, Statement
from disclosures.verdicts import Finding, Judgement, Severity, State
from expectations.catalogue import Catalogue, Rule, load_catalogue
from expectations.judge import judge_batch
from warehouse.addresses import Address
from warehouse.batches import Batch
from warehouse.history_marts import Carried, Restated, addresses_of_last_year

SUITE = next(s for s in load_catalogue().suites if s.name == "between_years")
CATALOGUE = Catalogue((SUITE,))
SOUND = facts_of(sound_cells())
#: A province may print what 07 and 08 carry over, or not; the sound ones do.
NOW = reading(facts=SOUND)


def key_of(address: str) -> tuple[str, str, str, str]:
    parsed = Address.parse(address)
    return (parsed.form, parsed.side, parsed.row, parsed.column)


def is_cell(key: Key) -> Callable[[Fact], bool]:
    return lambda fact: fact.key == key


def amount(facts: tuple[Fact, ...], address: str) -> Decimal:
    key = key_of(address)
    return next(f.amount_wan or Decimal(0) for f in facts if f.key == key)


def last_year() -> tuple[Fact, ...]:
    """Last year's forms: what this year opens with was left at its end."""
    facts = SOUND
    for rule in SUITE.rules:
        if isinstance(rule.check, Carried):
            key, value = key_of(rule.check.equals), amount(SOUND, rule.check.stated)
            facts = alter(facts, is_cell(key), amount_wan=value, text=f"{value:.2f}")
    return tuple(replace(f, page=30 + int(f.form)) for f in facts)


def said(rule: Rule, off: str = "0") -> tuple[Statement, ...]:
    """This year's figure and its change, as they fit last year's, or not."""
    assert isinstance(rule.check, Restated)
    subject = rule.check.subject.split("|")[0]
    then = amount(last_year(), rule.check.equals[0])
    quote = f"{subject}{then + 5:.2f}万元，比上年增加{5 + Decimal(off):.2f}万元。"
    one = Statement("第三部分/一、说明", subject, "amount", then + 5, "万元", quote, 4)
    change = replace(
        one, measure="change_amount", value=5 + Decimal(off), direction="增加", versus="上年决算"
    )
    return (one, change)


def last_cell(rule: Rule) -> Key:
    check = rule.check
    assert isinstance(check, (Carried, Restated))
    return key_of(addresses_of_last_year(check)[0])


def now_of(rule: Rule, off: str = "0") -> Reading:
    return NOW if isinstance(rule.check, Carried) else replace(NOW, statements=said(rule, off))


def then_of(facts: tuple[Fact, ...]) -> Reading:
    return reading(facts=facts, year=2022, sha256="b" * 64)


@pytest.fixture(scope="module")
def judged() -> dict[str, Judgement]:
    """All cases of all rules in one batch."""
    fitting = last_year()
    now: dict[str, list[Reading]] = {}
    then: dict[str, list[Reading]] = {}
    for rule in SUITE.rules:
        carried = isinstance(rule.check, Carried)
        off = change(fitting, last_cell(rule), "3")
        doubted = alter(off, is_cell(last_cell(rule)), agreed=False)
        now[f"{rule.id} met"] = [now_of(rule)]
        then[f"{rule.id} met"] = [then_of(fitting)]
        now[f"{rule.id} violated"] = [now_of(rule, "3")]
        then[f"{rule.id} violated"] = [then_of(off if carried else fitting)]
        now[f"{rule.id} silent"] = [now_of(rule, "3")]
        now[f"{rule.id} doubted"] = [now_of(rule)]
        then[f"{rule.id} doubted"] = [then_of(doubted)]
    batch = Batch.from_readings(now, previous=then)
    return {one.disclosure_id: one for one in judge_batch(batch, CATALOGUE).judgements}


def of(rule: Rule, judgement: Judgement) -> list[Finding]:
    return [f for f in judgement.findings if f.rule == rule.id]


RULES = pytest.mark.parametrize("rule", SUITE.rules, ids=[rule.id for rule in SUITE.rules])


@RULES
def test_two_years_that_fit(rule: Rule, judged: dict[str, Judgement]) -> None:
    judgement = judged[f"{rule.id} met"]
    assert of(rule, judgement) == []
    assert judgement.checks[State.EXACT.value] >= 1


@RULES
def test_two_years_that_do_not_fit(rule: Rule, judged: dict[str, Judgement]) -> None:
    (finding,) = of(rule, judged[f"{rule.id} violated"])
    assert (finding.state, finding.severity) == (State.FAIL, Severity.WARN)
    assert abs(finding.difference_wan or 0) == 3
    (last,) = [o for o in finding.operands if o.name.startswith("上年《")]
    assert (last.sha256, last.form, last.page) == ("b" * 64, None, 30 + int(rule.forms[0]))
    assert finding.innocent == rule.innocent


@RULES
def test_without_last_year_nothing_is_compared(rule: Rule, judged: dict[str, Judgement]) -> None:
    (finding,) = of(rule, judged[f"{rule.id} silent"])
    assert finding.state is State.NOT_APPLICABLE
    assert "没有归档" in finding.message


@RULES
def test_a_doubtful_figure_of_last_year_proves_nothing(
    rule: Rule, judged: dict[str, Judgement]
) -> None:
    (finding,) = of(rule, judged[f"{rule.id} doubted"])
    assert finding.state is State.EXTRACTION_SUSPECT
