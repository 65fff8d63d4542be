"""One verdict on pandas, SQLite and PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, text
from synthetic_accounts import alter, blank, change, facts_of, reading, sound_cells

from bench.judging import read_rendered
from disclosures.amounts import CellState
from disclosures.model import Fact, Reading
from disclosures.verdicts import State
from expectations.catalogue import Catalogue, Suite, load_catalogue
from expectations.judge import JudgedBatch, judge_batch
from warehouse.batches import Batch

PREFIX = "test_judging_mart_"
SOUND = facts_of(sound_cells())


def odd_batch() -> Batch:
    """Sound, wrong, rounded, blank, unreadable, half-present and missing accounts."""
    unreadable = alter(
        SOUND,
        lambda f: f.key == ("03", "", "total", "total"),
        amount_wan=None,
        text="1O0.1l",
        state=CellState.UNREADABLE,
    )
    variants: dict[str, tuple[Fact, ...]] = {
        "sound": SOUND,
        "rounded": change(SOUND, ("03", "", "total", "total"), "0.01"),
        "wrong": change(SOUND, ("01", "income", "income_total", "amount"), "0.05"),
        "negative": change(SOUND, ("04", "expense", "201", "general_budget"), "-9000"),
        "blank 05": blank(SOUND, ["05"]),
        "unreadable": unreadable,
        "no 02": tuple(f for f in SOUND if f.form != "02"),
        "no total rows": tuple(f for f in SOUND if f.row != "total"),
        "nothing": (),
    }
    readings: dict[str, list[Reading]] = {k: [reading(facts=v)] for k, v in variants.items()}
    readings |= told()
    readings["2019"] = [reading(facts=tuple(f for f in SOUND if f.form not in ("08",)), year=2019)]
    readings["no year"] = [reading(facts=SOUND, year=None)]
    return Batch.from_readings(readings)


@cache
def told() -> dict[str, list[Reading]]:
    """Rendered disclosures with their narrative and performance forms, as read, and the same with
    figures changed that other figures tell about."""
    found: dict[str, list[Reading]] = {}
    for seed in range(2):
        one = read_rendered(seed)
        found[f"told {seed}"] = [one]
        statements = list(one.statements)
        for n in range(0, len(statements), 3):
            value = statements[n].value
            if value is not None:
                statements[n] = replace(statements[n], value=value + n % 7)
        performance = list(one.performance)
        for n in range(0, len(performance), 4):
            value = performance[n].value
            if value is not None:
                performance[n] = replace(performance[n], value=value + n % 5)
        found[f"mistold {seed}"] = [
            replace(one, statements=tuple(statements), performance=tuple(performance))
        ]
    return found


@pytest.fixture(scope="module")
def on_pandas() -> JudgedBatch:
    return judge_batch(odd_batch(), load_catalogue())


def assert_same(one: JudgedBatch, other: JudgedBatch) -> None:
    assert one.judgements == other.judgements
    assert one.validations == other.validations


def test_the_batch_is_odd_enough(on_pandas: JudgedBatch) -> None:
    states = {f.state for j in on_pandas.judgements for f in j.findings}
    assert {State.FAIL, State.NOT_APPLICABLE, State.NOT_EVALUABLE} <= states
    assert State.ERROR not in states
    suites = {v.suite.partition(".")[0] for v in on_pandas.validations}
    suite_of = {rule.id: suite.name for suite in load_catalogue().suites for rule in suite.rules}
    failed = {
        suite_of[f.rule] for j in on_pandas.judgements for f in j.findings if f.state is State.FAIL
    }
    assert suites >= {"narrative", "performance"}
    assert failed >= {"narrative", "performance"}
    by_id = {j.disclosure_id: j for j in on_pandas.judgements}
    assert by_id["rounded"].checks[State.WITHIN_ROUNDING.value] > 0
    assert by_id["rounded"].checks.get(State.FAIL.value, 0) == 0
    assert by_id["nothing"].score is None


def test_sqlite_agrees(on_pandas: JudgedBatch, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'warehouse.db'}")
    try:
        assert_same(
            judge_batch(odd_batch(), load_catalogue(), sql_engine=engine, mart_prefix=PREFIX),
            on_pandas,
        )
    finally:
        engine.dispose()


@pytest.fixture
def postgres() -> Iterator[Engine]:
    url = os.environ.get("JUESUAN_TEST_POSTGRES")
    if not url:
        pytest.skip("JUESUAN_TEST_POSTGRES is not set")
    engine = create_engine(url)
    yield engine
    with engine.begin() as connection:
        for table in inspect(connection).get_table_names():
            if table.startswith(PREFIX):
                connection.execute(text(f'DROP TABLE "{table}"'))
    engine.dispose()


@pytest.mark.postgres
def test_postgresql_agrees(on_pandas: JudgedBatch, postgres: Engine) -> None:
    assert_same(
        judge_batch(odd_batch(), load_catalogue(), sql_engine=postgres, mart_prefix=PREFIX),
        on_pandas,
    )


def test_a_batch_says_what_its_disclosures_say(on_pandas: JudgedBatch) -> None:
    """One by one the same findings, scores and causes as together."""
    together = {j.disclosure_id: j for j in on_pandas.judgements}
    chosen = {"mistold 1": told()["mistold 1"], "nothing": [reading(facts=())]}
    for name, documents in chosen.items():
        (alone,) = judge_batch(Batch.from_readings({name: documents}), load_catalogue()).judgements
        assert alone == together[name]


@pytest.mark.parametrize("database", ["pandas", "sqlite"])
def test_no_violation_is_lost_in_a_long_list(database: str, tmp_path: Path) -> None:
    """Great Expectations cuts its lists at 20 and at 200."""
    cells = {k: v for k, v in sound_cells().items() if k[0] == "09"}
    facts = change(facts_of(cells), ("09", "", "only", "actual.total"), "1")
    wrong = reading(facts=facts)
    batch = Batch.from_readings({f"d{n:03}": [wrong] for n in range(301)})
    engine = create_engine(f"sqlite:///{tmp_path / 'w.db'}") if database == "sqlite" else None
    rule = load_catalogue().by_id["form09.total-sum"]
    catalogue = Catalogue((Suite("form09", "三公", (rule,)),))
    judged = judge_batch(batch, catalogue, sql_engine=engine, mart_prefix=PREFIX)
    if engine is not None:
        engine.dispose()
    found = [
        f.disclosure_id
        for j in judged.judgements
        for f in j.findings
        if f.rule == "form09.total-sum" and f.state is State.FAIL
    ]
    assert len(found) == len(set(found)) == 301
    assert judged.validations[0].results[1]["unexpected"] == 301
    assert judged.judgements[0].findings[0].difference_wan == Decimal("1.00")
