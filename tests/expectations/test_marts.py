"""What stands in a mart: zero, NULL and why, and half units."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from synthetic_accounts import alter, blank, facts_of, reading, sound_cells

from disclosures.amounts import CellState, MoneyUnit
from disclosures.assembly import DocumentReading, assemble
from disclosures.model import Fact, Reading
from expectations.catalogue import Catalogue, load_catalogue
from expectations.judge import judge_batch
from warehouse import load
from warehouse.addresses import Address, Gap
from warehouse.batches import Batch
from warehouse.database import open_engine
from warehouse.marts import build_marts
from warehouse.stored_batches import load_batch

SOUND = facts_of(sound_cells())
WAN = 10**8


def look(one: Reading, address: str, code: str | None = None) -> int | Gap:
    """A figure in ticks, or why there is none."""
    where = Address.parse(address)
    _, disclosures, codes = build_marts(Batch.from_readings({"x": [one]}), [where])
    mart = codes if where.grain == "code" else disclosures
    row = 0 if code is None else mart.frame["code"].tolist().index(code)
    gap = Gap(int(mart.gaps[where.mart_column][row]))
    value = mart.frame[where.mart_column].tolist()[row]
    return int(value) if gap is Gap.NONE else gap


def without(choose: str) -> tuple[Fact, ...]:
    return tuple(f for f in SOUND if ".".join(p for p in f.key if p) != choose)


def test_addresses() -> None:
    for text in ("01.income.items.amount", "09.only.actual.total", "06.top-not-301-303.amount"):
        assert str(Address.parse(text)) == text
    for text in ("10.total.total", "03.total.nothing", "01.income.nothing.amount", "03.total"):
        with pytest.raises(ValueError, match=r"."):
            Address.parse(text)


def test_sums() -> None:
    one = reading(facts=SOUND)
    assert look(one, "06.top-301-303.amount") == 10779 * WAN // 100
    assert look(one, "06.top-not-301-303.amount") == 16 * WAN
    assert look(one, "01.expense.items.amount") == look(one, "01.expense.expense_total.amount")
    assert look(one, "05.children.project", "20103") == 2527 * WAN // 100
    assert look(one, "05.children.total", "total") == look(one, "05.total.total")
    assert look(one, "03.children.total", "2010301") is Gap.NO_CHILDREN


def test_a_skipped_level_has_grandparents() -> None:
    facts = tuple(f for f in SOUND if not (f.form == "05" and len(f.row) == 5))
    assert look(reading(facts=facts), "05.children.project", "201") == 2527 * WAN // 100


def test_blank_is_zero_and_absent_is_not_always() -> None:
    assert look(reading(facts=blank(SOUND, ["03"])), "03.total.total") == 0
    # An item or a code that a whole form does not list was not used.
    assert look(reading(facts=without("01.income.other.amount")), "01.income.other.amount") == 0
    assert look(reading(facts=SOUND), "06.30299.amount") == 0
    # A total is always printed: where it was not read it is not known.
    one = reading(facts=without("01.income.income_total.amount"))
    assert look(one, "01.income.income_total.amount") is Gap.ROW_ABSENT
    one = reading(facts=without("01.income.non_appropriation_balance_used.amount"))
    assert look(one, "01.income.non_appropriation_balance_used.amount?") == 0
    assert look(reading(facts=SOUND, incomplete=["06"]), "06.30299.amount") is Gap.INCOMPLETE
    assert look(reading(facts=SOUND, incomplete=["06"]), "06.30201.amount") == 6 * WAN


def test_absent_forms() -> None:
    no_capital = tuple(f for f in SOUND if f.form != "08")
    assert look(reading(facts=no_capital), "08.total.total") is Gap.FORM_ABSENT
    assert look(reading(facts=no_capital, year=2019), "08.total.total") is Gap.FORM_NOT_YET
    assert look(reading(facts=no_capital, year=2019), "08.total.total?") == 0
    assert look(reading(facts=no_capital, declared_empty=["08"]), "08.total.total") == 0
    assert look(reading(facts=no_capital, present=["01", "08"]), "08.total.total") == 0
    # Form 03 is never empty: nothing read of it is a failure to read.
    no_expense = tuple(f for f in SOUND if f.form != "03")
    assert look(reading(facts=no_expense, present=["03"]), "03.total.total") is Gap.INCOMPLETE


def test_columns() -> None:
    # Shanghai prints 08 with six columns, the others with three.
    narrow = tuple(f for f in SOUND if f.form != "08" or f.column in ("total", "basic", "project"))
    assert look(reading(facts=narrow), "08.total.income") == 0
    no_project = tuple(f for f in SOUND if (f.form, f.column) != ("05", "project"))
    assert look(reading(facts=no_project), "05.total.project") is Gap.COLUMN_ABSENT
    # Before 2020 form 04 had no column for state capital.
    old = tuple(f for f in SOUND if f.column != "state_capital")
    assert look(reading(facts=old, year=2019), "04.expense.expense_total.state_capital") == 0


def test_codes_that_are_not_listed() -> None:
    # A form that stops at 类 says nothing of its 款.
    coarse = tuple(f for f in SOUND if f.form != "05" or len(f.row) == 3 or f.row == "total")
    assert look(reading(facts=coarse), "05.each.total", "20103") is Gap.NOT_LISTED
    assert look(reading(facts=coarse), "05.each.total", "212") == 0
    # A form that prints only 项 does not print the 类.
    fine = tuple(f for f in SOUND if f.form != "05" or len(f.row) == 7 or f.row == "total")
    assert look(reading(facts=fine), "05.each.total", "201") is Gap.NOT_LISTED
    assert look(reading(facts=fine), "05.children.total", "total") == look(
        reading(facts=SOUND), "05.total.total"
    )
    assert look(reading(facts=SOUND), "05.each.total", "301") is Gap.OTHER_KIND
    # One that goes down to 项 elsewhere has lost the row.
    items = sorted({f.row for f in SOUND if f.form == "05" and len(f.row) == 7})
    alone = next(i for i in items if sum(other.startswith(i[:5]) for other in items) == 1)
    lost = tuple(f for f in SOUND if (f.form, f.row) != ("05", alone))
    assert look(reading(facts=lost), "05.each.total", alone) == 0


def test_a_line_without_a_known_name_may_be_any_line() -> None:
    strange = replace(
        SOUND[0], row="line_9", name="九、未知收入", amount_wan=Decimal(5), text="5.00"
    )
    assert look(reading(facts=(*SOUND, strange)), "01.income.items.amount") is Gap.UNKNOWN_LINE
    empty = replace(strange, amount_wan=None, text="", state=CellState.BLANK)
    assert isinstance(look(reading(facts=(*SOUND, empty)), "01.income.items.amount"), int)


def test_unreadable_and_impossible_figures_are_null() -> None:
    key = ("05", "", "2010302", "project")
    one = alter(
        SOUND, lambda f: f.key == key, amount_wan=None, text="2O.22", state=CellState.UNREADABLE
    )
    assert look(reading(facts=one), "05.children.project", "20103") is Gap.UNREADABLE
    two = alter(SOUND, lambda f: f.key == key, amount_wan=Decimal("20222022202.22"))
    assert look(reading(facts=two), "05.children.project", "20103") is Gap.UNREADABLE


def halves(facts: tuple[Fact, ...]) -> dict[tuple[str, str, str, str], int]:
    batch = Batch.from_readings({"x": [reading(facts=facts)]})
    frame = batch.facts
    return {
        (str(f), str(s), str(r), str(c)): int(h)
        for f, s, r, c, h in zip(
            frame["form"],
            frame["side"],
            frame["row"],
            frame["column"],
            frame["half_ticks"],
            strict=True,
        )
    }


def test_half_a_unit_of_the_column() -> None:
    assert set(halves(SOUND).values()) == {500_000}
    # Spreadsheets drop trailing zeros: 20.5 in a column of hundredths is 20.50.
    dropped = alter(
        SOUND, lambda f: f.key == ("05", "", "2010302", "project"), decimals=1, text="20.2"
    )
    assert halves(dropped)["05", "", "2010302", "project"] == 500_000
    yuan = facts_of(sound_cells(), unit=MoneyUnit.YUAN)
    assert set(halves(yuan).values()) == {50}
    beijing = facts_of(sound_cells(), decimals=6)
    assert set(halves(beijing).values()) == {50}
    # One figure with more decimals than its column keeps them to itself.
    stray = alter(
        SOUND, lambda f: f.key == ("01", "expense", "201", "amount"), decimals=4, text="1.2345"
    )
    found = halves(stray)
    assert found["01", "expense", "201", "amount"] == 5_000
    assert found["01", "expense", "208", "amount"] == 500_000


def test_a_batch_from_the_warehouse_is_the_batch_of_the_readings(tmp_path: Path) -> None:
    version = "test-reader"
    tables = reading(facts=SOUND, sha256="b" * 64)
    wrong = reading(
        facts=alter(SOUND, lambda f: f.key == ("03", "", "201", "basic"), amount_wan=Decimal(1)),
        sha256="c" * 64,
        year=2022,
    )
    engine = open_engine(f"sqlite:///{tmp_path / 'warehouse.db'}")
    run = load.start_run(
        engine,
        kind="check",
        parameters={},
        code_version="t",
        ruleset="t",
        reader_version=version,
    )
    load.save_local_documents(
        engine,
        run,
        [
            load.LocalDocument(one.sha256, one.media_type, 1, f"{one.sha256}.pdf", "a.pdf")
            for one in (tables, wrong)
        ],
    )
    load.save_readings(engine, run, [tables, wrong], reader_version=version)
    disclosures = assemble(
        [DocumentReading.of(one, reader_version=version) for one in (tables, wrong)],
        alternates="separate",
    )
    load.save_disclosures(engine, run, disclosures)
    stored = load_batch(engine)
    by_year = {2023: tables, 2022: wrong}
    straight = Batch.from_readings(
        {
            str(d): [by_year[int(y)]]
            for d, y in zip(
                stored.disclosures["disclosure_id"], stored.disclosures["year"], strict=True
            )
        }
    )
    assert len(stored) == 2
    ids = {
        int(y): str(d)
        for d, y in zip(*(stored.disclosures[c] for c in ("disclosure_id", "year")), strict=True)
    }
    assert stored.previous_of == {ids[2023]: ids[2022]}
    assert stored.previous is not None
    assert stored.previous.facts["code"].isna().all()
    assert len(stored.previous.facts) > 50
    assert len(stored.facts) == len(straight.facts)
    catalogue = Catalogue(load_catalogue().suites[:1])
    judged = judge_batch(stored, catalogue)
    assert {j.disclosure_id for j in judged.judgements if j.context} == {ids[2023]}
    assert [replace(j, context="") for j in judged.judgements] == (
        judge_batch(straight, catalogue).judgements
    )
    versions = {d.disclosure_id: d.version for d in disclosures}
    load.save_judgements(engine, run, judged.judgements, judged.validations, versions)
    assert load_batch(engine, []).facts.empty
    engine.dispose()
