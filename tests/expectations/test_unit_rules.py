"""A department and its units: each rule met, violated, and not judged where a unit is missing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from synthetic_accounts import Key, alter, change, facts_of, reading, sound_cells

from disclosures.model import Fact, Reading
from disclosures.verdicts import Finding, Judgement, Severity, State
from expectations.catalogue import Catalogue, Rule, load_catalogue
from expectations.judge import judge_batch
from warehouse.addresses import Address
from warehouse.batches import Batch
from warehouse.neighbours import Units
from warehouse.unit_marts import Summed

SUITE = next(s for s in load_catalogue().suites if s.name == "between_units")
UNIT = facts_of(sound_cells())
OFFICE, CENTRE = "云水市财政局(本级)", "云水市财政国库支付中心"


def key_of(rule: Rule) -> Key:
    assert isinstance(rule.check, Summed)
    address = Address.parse(rule.check.cell)
    return (address.form, address.side, address.row, address.column)


def twice(facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """What two units with the same accounts add up to."""
    return tuple(
        replace(f, amount_wan=f.amount_wan * 2, text=f"{f.amount_wan * 2:.2f}")
        if f.amount_wan
        else f
        for f in facts
    )


def unit(agency: str, facts: tuple[Fact, ...] = UNIT) -> Reading:
    return replace(reading(facts=facts, sha256=agency[-1] * 64), agency=agency)


@pytest.fixture(scope="module")
def judged() -> dict[str, Judgement]:
    whole = twice(UNIT)
    now: dict[str, list[Reading]] = {"alone": [reading(facts=whole)]}
    units: dict[str, dict[str, list[Reading]]] = {}
    both = {OFFICE: [unit(OFFICE)], CENTRE: [unit(CENTRE)]}
    now["met"], units["met"] = [reading(facts=whole)], both
    now["one missing"], units["one missing"] = [reading(facts=whole)], {**both, CENTRE: []}
    for rule in SUITE.rules:
        key = key_of(rule)
        off = change(whole, key, "3")
        now[f"violated {rule.id}"], units[f"violated {rule.id}"] = [reading(facts=off)], both
        # A unit that repeats its department's list is smaller than one of its "units".
        low = tuple(
            replace(f, amount_wan=Decimal("0.01"), text="0.01") if f.key == key else f
            for f in whole
        )
        now[f"smaller {rule.id}"], units[f"smaller {rule.id}"] = [reading(facts=low)], both
        without = tuple(f for f in UNIT if f.form != key[0])
        now[f"no form {rule.id}"] = [reading(facts=whole)]
        units[f"no form {rule.id}"] = {**both, CENTRE: [unit(CENTRE, without)]}
    batch = Batch.from_readings(now, units=units)
    judgements = judge_batch(batch, Catalogue((SUITE,))).judgements
    return {one.disclosure_id: one for one in judgements}


def of(rule: Rule, judgement: Judgement) -> list[Finding]:
    return [f for f in judgement.findings if f.rule == rule.id]


RULES = pytest.mark.parametrize("rule", SUITE.rules, ids=[rule.id for rule in SUITE.rules])


@RULES
def test_a_department_that_is_its_units(rule: Rule, judged: dict[str, Judgement]) -> None:
    assert of(rule, judged["met"]) == []
    assert judged["met"].checks[State.EXACT.value] == len(SUITE.rules)


@RULES
def test_a_department_that_is_not(rule: Rule, judged: dict[str, Judgement]) -> None:
    (finding,) = of(rule, judged[f"violated {rule.id}"])
    assert (finding.state, finding.severity) == (State.FAIL, Severity.WARN)
    assert finding.difference_wan == 3
    assert finding.innocent == rule.innocent
    owners = [o.name.partition("《")[0] for o in finding.operands if o.form is None]
    assert owners == [OFFICE, CENTRE]


@RULES
def test_it_does_not_apply_where_no_unit_is_listed(
    rule: Rule, judged: dict[str, Judgement]
) -> None:
    (finding,) = of(rule, judged["alone"])
    assert finding.state is State.NOT_APPLICABLE


@RULES
def test_what_is_missing_is_named(rule: Rule, judged: dict[str, Judgement]) -> None:
    (finding,) = of(rule, judged["one missing"])
    assert finding.state is State.NOT_EVALUABLE
    assert CENTRE in finding.message
    assert OFFICE not in finding.message
    (finding,) = of(rule, judged[f"no form {rule.id}"])
    assert finding.state is State.NOT_EVALUABLE
    assert CENTRE in finding.message


@RULES
def test_a_copied_list_is_no_violation(rule: Rule, judged: dict[str, Judgement]) -> None:
    (finding,) = of(rule, judged[f"smaller {rule.id}"])
    assert finding.state is State.NOT_EVALUABLE
    assert "大于本决算" in finding.message


def test_rounding_of_many_units_is_no_violation() -> None:
    """Eleven cells of two decimals may be off by 0.06."""
    key = ("01", "income", "income_total", "amount")
    total = next(f for f in UNIT if f.key == key).amount_wan
    assert total is not None
    whole = alter(UNIT, lambda f: f.key == key, amount_wan=total * 10 + Decimal("0.05"))
    units = {f"第{n}中心": [unit(f"第{n}中心")] for n in range(10)}
    for off, state in (("0", None), ("0.02", State.FAIL)):
        batch = Batch.from_readings(
            {"d": [reading(facts=change(whole, key, off))]}, units={"d": units}
        )
        (judgement,) = judge_batch(batch, Catalogue((SUITE,))).judgements
        found = {f.state for f in of(SUITE.rules[0], judgement)}
        assert found == ({state} if state else set())


def test_an_incomplete_list_is_not_judged() -> None:
    batch = Batch.from_readings({"d": [reading(facts=twice(UNIT))]}, units={"d": {OFFICE: []}})
    batch = replace(batch, units_of={"d": Units({}, (), complete=False)})
    (judgement,) = judge_batch(batch, Catalogue((SUITE,))).judgements
    assert {f.state for f in judgement.findings} == {State.NOT_EVALUABLE}
    assert "未能读全" in judgement.findings[0].message
