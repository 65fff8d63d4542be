"""A disclosure against the version published before it: met, violated, without one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from synthetic_accounts import alter, change, facts_of, reading, sound_cells

from disclosures.amounts import CellState
from disclosures.model import Fact
from disclosures.verdicts import Finding, Judgement, Severity, State
from expectations.catalogue import Catalogue, load_catalogue
from expectations.judge import judge_batch
from warehouse.batches import Batch

SUITE = next(s for s in load_catalogue().suites if s.name == "between_versions")
RULE = SUITE.rules[0]
SOUND = facts_of(sound_cells())
KEY = ("03", "", "2010301", "basic")
NOW = change(change(SOUND, KEY, "5"), ("05", "", "2010301", "basic"), "5")


def judged(now: tuple[Fact, ...], before: tuple[Fact, ...] | None) -> Judgement:
    earlier = {} if before is None else {"x": replace(reading(facts=before), sha256="b" * 64)}
    batch = Batch.from_readings({"x": [reading(facts=now)]}, earlier=earlier)
    return judge_batch(batch, Catalogue((SUITE,))).judgements[0]


def of(judgement: Judgement) -> list[Finding]:
    return [f for f in judgement.findings if f.rule == RULE.id]


def test_the_same_again() -> None:
    judgement = judged(SOUND, SOUND)
    assert of(judgement) == []
    assert judgement.checks[State.EXACT.value] == 9
    blank = alter(SOUND, lambda f: not f.amount_wan, amount_wan=None, text="")
    assert of(judged(SOUND, blank)) == []


def test_what_was_changed_is_told_form_by_form() -> None:
    found = of(judged(NOW, SOUND))
    assert [f.subject for f in found] == ["《支出决算表》", "《一般公共预算财政拨款支出决算表》"]
    for finding in found:
        assert (finding.state, finding.severity) == (State.FAIL, Severity.INFO)
        assert "1 处" in finding.message
        assert "由 100.11" in finding.message
        assert "变为 105.11" in finding.message
        assert finding.innocent == RULE.innocent
        (cell,) = finding.operands
        assert (cell.row, cell.column) == KEY[2:]


UNREADABLE = {"amount_wan": None, "state": CellState.UNREADABLE, "text": "1oo.11"}


@pytest.mark.parametrize("doubt", [{"agreed": False}, UNREADABLE])
def test_a_cell_in_doubt_may_not_have_changed(doubt: dict[str, Any]) -> None:
    doubted = alter(SOUND, lambda f: f.key == KEY, **doubt)
    for judgement in (judged(NOW, doubted), judged(doubted, NOW)):
        states = {f.subject: f.state for f in of(judgement)}
        assert states["《支出决算表》"] is State.EXTRACTION_SUSPECT


@pytest.mark.parametrize("before", [None, ()])
def test_without_an_earlier_version_nothing_is_compared(before: tuple[Fact, ...] | None) -> None:
    (finding,) = of(judged(NOW, before))
    assert finding.state is State.NOT_APPLICABLE
