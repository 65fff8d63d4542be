"""What a disclosure is judged against, and judging again when that changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine, select

from connectors.records import Fetch, FetchOutcome, FetchRole
from disclosures.amounts import TICKS_PER_WAN, MoneyUnit
from disclosures.assembly import assemble
from disclosures.model import DocumentKind, Fact, FormReading, Reading, Side, UnitList
from disclosures.verdicts import Capped, Finding, Judgement, Severity, State
from warehouse import load, queries
from warehouse.neighbours import Neighbours, neighbours
from warehouse.schema import CoreFinding, CoreJudgement
from warehouse.stored_batches import load_batch

RULES = "rules-1"
NOON = datetime(2024, 9, 2, 12, tzinfo=UTC)
BUREAU, OFFICE, CENTRE = "云水市财政局", "云水市财政局(本级)", "云水市国库支付中心"


class Names:
    def archived_as(self, sha256: str, media_type: str) -> str:
        return f"{sha256[:2]}/{sha256}.pdf"

    def size(self, sha256: str) -> int:
        return 1


def accounts(
    name: str, agency: str, year: int = 2023, *, units: UnitList | None = None, total: str = "9.00"
) -> Reading:
    """One form with one total; ``name`` is a letter of which the hash is made."""
    cell = Fact(
        "01", Side.INCOME, "income_total", "9", None, "本年收入合计", "amount", Decimal(total),
        total, 2, page=3,
    )  # fmt: skip
    return Reading(
        name * 64,
        "application/pdf",
        DocumentKind.FINAL_ACCOUNTS,
        agency=agency,
        year=year,
        forms=(FormReading("01", "收入支出决算总表", (3,), MoneyUnit.WAN, "central"),),
        facts=(cell,),
        units=units,
    )


def publish(
    engine: Engine, readings: Iterable[Reading], *, at: str | None = None, night: int = 0
) -> dict[str, str]:
    """A night in which a site has these documents (all ``at`` one address, or each at its own): id
    by agency and year."""
    run = load.start_run(
        engine,
        kind="nightly",
        parameters={},
        code_version="0",
        ruleset=RULES,
        reader_version="r1",
    )
    fetches, documents = [], list(readings)
    for reading in documents:
        url = f"http://hill.test/{at or reading.sha256[0]}.pdf"
        when = NOON + timedelta(days=night)
        fetch = Fetch("hill", url, FetchRole.DOCUMENT, FetchOutcome.NEW, when, found_on=url)
        fetches.append(
            replace(fetch, sha256=reading.sha256, media_type="application/pdf", size_bytes=1)
        )
    load.save_fetches(engine, run, fetches, Names())
    load.save_readings(engine, run, documents)
    known = {reading.sha256 for reading in documents}
    found = [
        document
        for document in load.documents_to_assemble(engine, "r1", sites=["hill"])
        if document.sha256 in known
    ]
    disclosures = assemble(found, alternates="merge")
    load.save_disclosures(engine, run, disclosures, sites=["hill"])
    return {f"{d.agency} {d.year}": d.disclosure_id for d in disclosures}


def judge(engine: Engine, todo: Mapping[str, str], *, said: str) -> None:
    run = load.start_run(
        engine, kind="nightly", parameters={}, code_version="0", ruleset=RULES, reader_version="r1"
    )
    contexts = load_batch(engine, list(todo)).contexts
    judgements = [
        Judgement(
            one,
            RULES,
            Decimal("88.5"),
            "C",
            {},
            Decimal(100),
            {},
            (Finding(one, "x", "y", Severity.WARN, State.FAIL, said, innocent="先看原件。"),),
            capped=Capped("B", (("C", "有错误级问题"),)),
            context=contexts[one],
        )
        for one in todo
    ]
    load.save_judgements(engine, run, judgements, [], todo)


def beside(engine: Engine, *ids: str) -> Neighbours:
    with engine.connect() as connection:
        return neighbours(connection, list(ids))


def said_of(engine: Engine, disclosure_id: str) -> list[str]:
    """What all judgements of a disclosure say, and what the standing one says last."""
    with engine.connect() as connection:
        query = select(CoreFinding.message).where(CoreFinding.disclosure_id == disclosure_id)
        every = sorted(connection.scalars(query))
        stands = queries.standing_judgements()
        (standing,) = connection.execute(
            select(CoreFinding.message, CoreFinding.innocent)
            .join(
                stands,
                (stands.c.disclosure_id == CoreFinding.disclosure_id)
                & (stands.c.version == CoreFinding.version)
                & (stands.c.ruleset == CoreFinding.ruleset)
                & (stands.c.context == CoreFinding.context)
                & (stands.c.place == 1),
            )
            .where(CoreFinding.disclosure_id == disclosure_id)
        )
    assert standing.innocent == "先看原件。"
    return [*every, standing.message]


def test_last_year_that_comes_later_calls_for_a_new_judgement(engine: Engine) -> None:
    now, then = accounts("a", BUREAU), accounts("b", BUREAU, 2022)
    (first,) = publish(engine, [now]).values()
    judge(engine, load.unjudged_disclosures(engine, RULES), said="1 alone")
    assert load.unjudged_disclosures(engine, RULES) == {}
    ids = publish(engine, [now, then])
    assert beside(engine, first).previous == {first: ids[f"{BUREAU} 2022"]}
    todo = load.unjudged_disclosures(engine, RULES, sites=["hill"])
    assert set(todo) == set(ids.values())
    assert set(load.overtaken_disclosures(engine, RULES, sites=["hill"])) == {first}
    (summary,) = queries.disclosure_summaries(engine, disclosure_ids=[first])
    assert not summary.up_to_date
    judge(engine, todo, said="2 compared")
    assert said_of(engine, first) == ["1 alone", "2 compared", "2 compared"]
    assert load.unjudged_disclosures(engine, RULES) == {}
    # A corrected version of last year's: once more.
    corrected = accounts("c", BUREAU, 2022, total="8.00")
    publish(engine, [now, corrected])
    todo = load.unjudged_disclosures(engine, RULES)
    assert set(todo) == set(ids.values())
    judge(engine, todo, said="3 corrected")
    assert said_of(engine, first) == ["1 alone", "2 compared", "3 corrected", "3 corrected"]
    # Last year's is withdrawn: what was said without it stands again, and nothing is left to do.
    publish(engine, [now])
    assert load.unjudged_disclosures(engine, RULES) == {}
    assert said_of(engine, first)[-1] == "1 alone"
    (summary,) = queries.disclosure_summaries(engine, disclosure_ids=[first])
    assert summary.up_to_date


def test_a_unit_that_comes_later_calls_for_a_new_judgement(engine: Engine) -> None:
    units = UnitList((OFFICE, CENTRE), complete=True)
    whole, office = accounts("a", BUREAU, units=units), accounts("b", OFFICE)
    ids = publish(engine, [whole, office])
    bureau = ids[f"{BUREAU} 2023"]
    found = beside(engine, bureau, ids[f"{OFFICE} 2023"])
    assert set(found.units) == {bureau}
    assert found.units[bureau].found == {OFFICE: ids[f"{OFFICE} 2023"]}
    assert found.units[bureau].missing == (CENTRE,)
    judge(engine, load.unjudged_disclosures(engine, RULES), said="1 one missing")
    ids = publish(engine, [whole, office, accounts("c", CENTRE)])
    assert beside(engine, bureau).units[bureau].missing == ()
    todo = load.unjudged_disclosures(engine, RULES)
    assert set(todo) == {bureau, ids[f"{CENTRE} 2023"]}
    batch = load_batch(engine, [bureau])
    assert batch.unit_accounts is not None
    assert sorted(batch.unit_accounts.disclosures["agency"]) == sorted([OFFICE, CENTRE])
    judge(engine, todo, said="2 all there")
    assert said_of(engine, bureau) == ["1 one missing", "2 all there", "2 all there"]


def test_judging_the_same_again_adds_no_row(engine: Engine) -> None:
    (one,) = publish(engine, [accounts("a", BUREAU)]).values()
    for _ in range(2):
        judge(engine, load.current_disclosures(engine), said="the same")
    with engine.connect() as connection:
        (row,) = connection.execute(select(CoreJudgement.__table__)).all()
    assert (row.disclosure_id, row.context) == (one, "")
    assert row.capped == {"earned": "B", "caps": [{"best_grade": "C", "reason": "有错误级问题"}]}


@pytest.mark.parametrize(
    ("listed", "published", "found", "missing"),
    [
        # Names without the region that they begin with, and the office's own by any name.
        (("本级", "市国库支付中心"), (OFFICE, CENTRE), 2, ()),
        (("局机关", CENTRE), ("云水市财政局机关", CENTRE), 2, ()),
        # The office belongs to the department, listed or not.
        ((CENTRE,), (CENTRE,), 1, (OFFICE,)),
        # Two of one name tell nothing; a short name fits too many.
        ((OFFICE, "国库支付中心"), (OFFICE, CENTRE, "山城区国库支付中心"), 1, ("国库支付中心",)),
        ((OFFICE, "中心"), (OFFICE, CENTRE), 1, ("中心",)),
    ],
)
def test_units_are_found_by_name(
    engine: Engine,
    listed: tuple[str, ...],
    published: tuple[str, ...],
    found: int,
    missing: tuple[str, ...],
) -> None:
    readings = [accounts("a", BUREAU, units=UnitList(listed, complete=True))]
    readings += [accounts("bcdef"[n], agency) for n, agency in enumerate(published)]
    bureau = publish(engine, readings)[f"{BUREAU} 2023"]
    units = beside(engine, bureau).units[bureau]
    assert len(units.found) == found
    assert bureau not in units.found.values()
    assert units.missing == missing


@pytest.mark.parametrize("listed", [(OFFICE,), (BUREAU,), ("本级",), ()])
def test_an_office_alone_has_no_units(engine: Engine, listed: tuple[str, ...]) -> None:
    readings = [accounts("a", BUREAU, units=UnitList(listed, complete=True))]
    (bureau,) = publish(engine, readings).values()
    assert beside(engine, bureau) == Neighbours({}, {}, {}, {bureau: ""})


def test_the_office_does_not_take_the_list_for_its_own(engine: Engine) -> None:
    units = UnitList((OFFICE, CENTRE), complete=True)
    readings = [accounts("a", OFFICE, units=units), accounts("b", CENTRE)]
    ids = publish(engine, readings)
    assert beside(engine, *ids.values()).units == {}


def test_a_new_version_is_held_against_the_one_before(engine: Engine) -> None:
    (one,) = publish(engine, [accounts("a", BUREAU)], at="x").values()
    assert load_batch(engine, [one]).earlier == {}
    corrected = accounts("b", BUREAU, total="8.00")
    (again,) = publish(engine, [corrected], at="x", night=1).values()
    assert again == one
    ((key, cell),) = load_batch(engine, [one]).earlier[one].items()
    assert key == ("01", "income", "income_total", "amount")
    assert (cell.ticks, cell.text, cell.sure) == (9 * TICKS_PER_WAN, "9.00", True)
    # Another year's accounts at the same address are no version of it.
    (later,) = publish(engine, [accounts("c", BUREAU, 2024)], at="x", night=2).values()
    assert beside(engine, later).earlier == {}
