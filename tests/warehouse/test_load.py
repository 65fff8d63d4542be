"""Loading: natural keys, repetition, and what is left to do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, select, text, update

from connectors.records import Fetch, FetchOutcome, FetchRole
from disclosures.amounts import CellState, MoneyUnit
from disclosures.assembly import Disclosure, assemble
from disclosures.model import (
    DocumentKind,
    Fact,
    FormReading,
    PerformanceFact,
    Reading,
    Side,
    Statement,
    part_key,
)
from disclosures.verdicts import (
    Finding,
    Judgement,
    Operand,
    Severity,
    State,
    ValidationSummary,
)
from warehouse import load
from warehouse.locations import known_urls
from warehouse.queries import other_documents
from warehouse.rows import json_safe
from warehouse.schema import (
    Base,
    CoreDisclosure,
    CoreDisclosureDocument,
    CoreFact,
    CoreFinding,
    CoreJudgement,
    CoreStatement,
    OutValidation,
    RawDocument,
    RawFetch,
    RawLocation,
    RawReading,
)

READERS, RULES = "r1", "rules-1"
NOON = datetime(2024, 9, 2, 12, tzinfo=UTC)


class Names:
    """The archive's shape; loading only asks it for names."""

    def archived_as(self, sha256: str, media_type: str) -> str:
        return f"{sha256[:2]}/{sha256}.pdf"

    def size(self, sha256: str) -> int:
        return 1


ARCHIVE = Names()
SITES = ("hill",)


def start(engine: Engine, **changes: Any) -> str:
    given: dict[str, Any] = {
        "kind": "nightly",
        "parameters": {"sites": ["山城"]},
        "code_version": "0.1.0",
        "ruleset": RULES,
        "reader_version": READERS,
    }
    return load.start_run(engine, **{**given, **changes})


def fetch(name: str, **changes: Any) -> Fetch:
    given: dict[str, Any] = {
        "site": "hill",
        "url": f"http://hill.test/{name}.pdf",
        "role": FetchRole.DOCUMENT,
        "outcome": FetchOutcome.NEW,
        "fetched_at": NOON,
        "status": 200,
        "sha256": name * 64,
        "media_type": "application/pdf",
        "size_bytes": 100,
        "etag": f'"{name}"',
        "found_on": f"http://hill.test/{name}.html",
        "published_on": "2024-08-30",
        "headers": {"content-type": "application/pdf"},
        "file_name": "部门决算.pdf",
    }
    return Fetch(**{**given, **changes})


def fact(row: str, amount: str | None, *, form: str = "01", **changes: Any) -> Fact:
    given: dict[str, Any] = {
        "form": form,
        "side": Side.INCOME,
        "row": row,
        "line": "1",
        "code": None,
        "name": "一般公共预算财政拨款收入",
        "column": "amount",
        "amount_wan": None if amount is None else Decimal(amount),
        "text": amount or "",
        "decimals": 2,
        "state": CellState.BLANK if amount is None else CellState.READ,
        "page": 3,
        "bbox": (10.5, 20.0, 60.25, 31.0),
        "readers": ("tablers", "tabula"),
    }
    return Fact(**{**given, **changes})


def reading(name: str, **changes: Any) -> Reading:
    given: dict[str, Any] = {
        "sha256": name * 64,
        "media_type": "application/pdf",
        "kind": DocumentKind.FINAL_ACCOUNTS,
        "agency": "山城区财政局",
        "year": 2023,
        "unit": MoneyUnit.WAN,
        "pages": 20,
        "forms": (FormReading("01", "收入支出决算总表", (3,), MoneyUnit.WAN, "central"),),
        "facts": (fact("general_budget", "914.65"), fact("other", None)),
        "statements": (
            Statement("收支总计", "total", "amount", Decimal("914.65"), "万元", "总计914.65万元。"),
        ),
        "performance": (
            PerformanceFact("unit", "整体", "预算执行率", "rate", Decimal("98.80"), "%", "98.80%"),
        ),
        "readers": {"tablers": "0.1"},
        "seconds": 1.5,
    }
    return Reading(**{**given, **changes})


def judgement(disclosure_id: str, **changes: Any) -> Judgement:
    operand = Operand(
        "01", "income", "grand_total", "amount", "总计", "914.65", Decimal("914.65"), 3, "a" * 64
    )
    finding = Finding(
        disclosure_id,
        "form01.grand_total",
        "收入",
        Severity.ERROR,
        State.FAIL,
        "总计 914.65 与各项之和 914.60 相差 0.05。",
        form="01",
        stated_wan=Decimal("914.65"),
        computed_wan=Decimal("914.60"),
        difference_wan=Decimal(1) / Decimal(3),
        tolerance_wan=Decimal("0.015"),
        sha256="a" * 64,
        page=3,
        operands=(operand,),
    )
    given: dict[str, Any] = {
        "disclosure_id": disclosure_id,
        "ruleset": RULES,
        "score": Decimal("88.5"),
        "grade": "B",
        "dimensions": {"真实性": {"score": "95.0", "weight": 70, "evaluated": 3, "passed": 2}},
        "coverage": Decimal("99.9999"),
        "checks": {"exact": 2, "fail": 1},
        "findings": (finding,),
    }
    return Judgement(**{**given, **changes})


def everything(engine: Engine, *, but: tuple[str, ...] = ()) -> Mapping[str, list[Any]]:
    """All rows of all tables."""
    with engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in Base.metadata.sorted_tables
            if table.name not in but
        }


def night(engine: Engine) -> str:
    """A whole night of one document, as far as the warehouse sees it."""
    run = start(engine)
    load.save_fetches(engine, run, [fetch("a")], ARCHIVE)
    for document in load.unread_documents(engine, READERS):
        load.save_readings(engine, run, [reading(document.sha256[0])])
    documents = load.documents_to_assemble(engine, READERS, sites=SITES)
    load.save_disclosures(engine, run, assemble(documents, alternates="merge"), sites=["hill"])
    todo = load.unjudged_disclosures(engine, RULES)
    if todo:
        summary = ValidationSummary("form01", "b1", False, 1, ({"rule": "x", "value": Decimal(1)},))
        load.save_judgements(engine, run, [judgement(key) for key in todo], [summary], todo)
    load.finish_run(engine, run, state="completed", summary={"documents": 1})
    return run


def test_a_night_lands_in_all_tables(engine: Engine) -> None:
    run = night(engine)
    with engine.connect() as connection:
        document = connection.execute(select(RawDocument.__table__)).one()
        assert document.archived_as == f"aa/{'a' * 64}.pdf"
        stored = connection.execute(select(CoreFact.__table__).order_by(CoreFact.ordinal)).all()
        assert [row.amount_wan for row in stored] == [Decimal("914.65"), None]
        assert stored[0].bbox == [10.5, 20.0, 60.25, 31.0]
        assert stored[0].readers == ["tablers", "tabula"]
        disclosure = connection.execute(select(CoreDisclosure.__table__)).one()
        assert (disclosure.agency, disclosure.year) == ("山城区财政局", 2023)
        assert (disclosure.site, disclosure.published_on) == ("hill", "2024-08-30")
        judged = connection.execute(select(CoreJudgement.__table__)).one()
        assert judged.coverage == "99.99"  # never a false 100
        finding = connection.execute(select(CoreFinding.__table__)).one()
        assert finding.difference_wan == Decimal("0.33333333")
        assert finding.operands[0]["amount_wan"] == "914.65"
        validation = connection.execute(select(OutValidation.__table__)).one()
        assert (validation.ruleset, validation.results[0]["value"]) == (RULES, "1")
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(select(table)):
                assert getattr(row, "run_id", run) == run
        assert connection.scalars(select(RawLocation.seen_in)).all() == [run]


def test_a_second_run_changes_no_row_but_its_own(engine: Engine) -> None:
    night(engine)
    # A location says when and in which run its URL was seen last.
    own = ("raw_runs", "raw_fetches", "raw_locations")
    before = everything(engine, but=own)
    assert load.unread_documents(engine, READERS) == []
    second = night(engine)
    assert everything(engine, but=own) == before
    # even when everything is read and judged again
    assert load.save_readings(engine, second, [reading("a", seconds=9.0)]) == 0
    versions = load.current_disclosures(engine)
    judged = [judgement(key) for key in versions]
    assert load.save_judgements(engine, second, judged, [], versions) == 0
    assert everything(engine, but=own) == before


def test_saving_a_crawl_twice_keeps_one_row_per_request(engine: Engine) -> None:
    run = start(engine)
    twice = [fetch("a", outcome=FetchOutcome.FAILED, sha256=None, status=503), fetch("a")]
    load.save_fetches(engine, run, twice, ARCHIVE)
    load.save_fetches(engine, run, twice, ARCHIVE)
    with engine.connect() as connection:
        outcomes = connection.scalars(select(RawFetch.outcome).order_by(RawFetch.outcome)).all()
    assert outcomes == ["failed", "new"]


def test_a_better_reading_takes_the_place_of_the_first(engine: Engine) -> None:
    run = start(engine)
    load.save_fetches(engine, run, [fetch("a")], ARCHIVE)
    load.save_readings(
        engine, run, [Reading("a" * 64, "application/pdf", DocumentKind.UNREADABLE, "超时")]
    )
    assert load.save_readings(engine, run, [reading("a")]) == 1
    with engine.connect() as connection:
        assert connection.execute(select(RawReading.__table__)).one().kind == "final_accounts"
        assert len(connection.execute(select(CoreFact.__table__)).all()) == 2
    corrected = reading("a", facts=(fact("general_budget", "900.00"),), statements=())
    assert load.save_readings(engine, run, [corrected]) == 1
    with engine.connect() as connection:
        assert connection.scalars(select(CoreFact.amount_wan)).all() == [Decimal("900.00")]
        assert connection.execute(select(CoreStatement.__table__)).all() == []


def test_two_runs_may_save_the_same_at_the_same_time(engine: Engine) -> None:
    night(engine)
    first, second = start(engine), start(engine, kind="rerun")
    (identifier,) = load.current_disclosures(engine)
    versions = load.current_disclosures(engine)
    together = Barrier(2)

    def save(run: str) -> None:
        for round_ in range(5):
            together.wait(30)
            same = reading("a", title=f"第{round_}次", facts=tuple(
                fact("other", f"{round_}", form=f"0{form}") for form in range(1, 10)
            ))  # fmt: skip
            load.save_readings(engine, run, [same])
            load.save_judgements(
                engine, run, [judgement(identifier, grade=f"{round_}")], [], versions
            )

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(save, run) for run in (first, second)]:
            done.result(60)
    with engine.connect() as connection:
        assert set(connection.scalars(select(CoreFact.amount_wan))) == {Decimal("4.00")}
        assert len(connection.execute(select(CoreFact.__table__)).all()) == 9
        assert connection.scalars(select(CoreJudgement.grade)).all() == ["4"]
        assert len(connection.execute(select(CoreFinding.__table__)).all()) == 1


def test_another_reader_version_leaves_the_old_reading(engine: Engine) -> None:
    run = start(engine)
    load.save_fetches(engine, run, [fetch("a")], ARCHIVE)
    load.save_readings(engine, run, [reading("a")])
    assert [d.sha256[0] for d in load.unread_documents(engine, "r2")] == ["a"]
    # until it is read again, the document takes part as the older version read it
    (old,) = load.documents_to_assemble(engine, "r2", sites=SITES)
    assert old.reader_version == READERS
    load.save_readings(engine, run, [reading("a", agency="山城财政局")], reader_version="r2")
    (new,) = load.documents_to_assemble(engine, "r2", sites=SITES)
    assert (new.reader_version, new.agency) == ("r2", "山城财政局")
    with engine.connect() as connection:
        assert len(connection.execute(select(CoreFact.__table__)).all()) == 4


def test_a_cell_read_twice_is_suspect_and_a_monster_is_unreadable(engine: Engine) -> None:
    run = start(engine)
    load.save_fetches(engine, run, [fetch("a")], ARCHIVE)
    odd = reading(
        "a",
        facts=(
            fact("other", "1.00"),
            fact("other", "2.00"),
            fact("business", "123456789012345678901234"),
            fact("operating", "0.123456789", decimals=9),
            fact("general_budget", "5.00", name="坏\x00字\ud800"),
        ),
    )
    load.save_readings(engine, run, [odd])
    with engine.connect() as connection:
        rows = {row.row: row for row in connection.execute(select(CoreFact.__table__))}
        notes = connection.scalars(select(RawReading.notes)).one()
    assert (rows["other"].amount_wan, rows["other"].agreed) == (Decimal("1.00"), False)
    assert len(notes) == 1
    monster, quotient = rows["business"], rows["operating"]
    assert (monster.amount_wan, monster.state, monster.agreed) == (None, "unreadable", False)
    assert (quotient.amount_wan, quotient.text) == (Decimal("0.12345679"), "0.123456789")
    assert (quotient.state, quotient.decimals, quotient.agreed) == ("read", 9, True)
    assert rows["general_budget"].name == "坏\ufffd字?"


def test_what_is_published_has_no_length(engine: Engine) -> None:
    run = start(engine)
    noise = "".join(hashlib.sha256(str(n).encode()).hexdigest() for n in range(200))
    url = f"http://hill.test/{noise}"
    load.save_fetches(engine, run, [fetch("a", url=url, found_on=url, file_name=noise)], ARCHIVE)
    assert [known.url for known in known_urls(engine, "hill")] == [url]
    named = reading("a", agency=noise, title=noise, facts=(fact("line_1", "1", line=noise),))
    load.save_readings(engine, run, [named])
    made = assemble(load.documents_to_assemble(engine, READERS, sites=SITES), alternates="merge")
    load.save_disclosures(engine, run, made, sites=SITES)
    assert len(load.unjudged_disclosures(engine, RULES)) == 1


def test_known_fetches_are_the_latest_successful_ones(engine: Engine) -> None:
    run = start(engine)
    day = timedelta(days=1)
    load.save_fetches(
        engine,
        run,
        [
            fetch("a", fetched_at=NOON),
            fetch("a", fetched_at=NOON + day, sha256="b" * 64, etag='"v2"'),
            fetch(
                "a",
                fetched_at=NOON + 2 * day,
                sha256="b" * 64,
                etag=None,
                status=304,
                outcome=FetchOutcome.UNCHANGED,
            ),
            fetch("a", fetched_at=NOON + 3 * day, outcome=FetchOutcome.FAILED, sha256=None),
            fetch(
                "c", role=FetchRole.LIST, etag=None, last_modified="Mon, 02 Sep 2024 12:00:00 GMT"
            ),
            fetch("d", outcome=FetchOutcome.REFUSED, sha256=None),
            fetch("a", site="other", sha256="e" * 64),
        ],
        ARCHIVE,
    )
    known = {entry.url: entry for entry in known_urls(engine, "hill")}
    assert set(known) == {"http://hill.test/a.pdf", "http://hill.test/c.pdf"}
    assert (known["http://hill.test/a.pdf"].sha256, known["http://hill.test/a.pdf"].etag) == (
        "b" * 64,
        '"v2"',
    )
    assert known["http://hill.test/c.pdf"].last_modified == "Mon, 02 Sep 2024 12:00:00 GMT"


def test_a_changed_document_makes_a_new_version_and_keeps_the_old_judgement(
    engine: Engine,
) -> None:
    night(engine)
    run = start(engine)
    url = "http://hill.test/a.pdf"
    later = fetch("b", url=url, fetched_at=NOON + timedelta(days=1), outcome=FetchOutcome.CHANGED)
    load.save_fetches(engine, run, [later], ARCHIVE)
    load.save_readings(engine, run, [reading("b")])
    (document,) = load.documents_to_assemble(engine, READERS, sites=SITES)
    assert document.sha256 == "b" * 64
    disclosures = assemble([document], alternates="merge")
    load.save_disclosures(engine, run, disclosures, sites=["hill"])
    assert load.unjudged_disclosures(engine, RULES) == {
        disclosures[0].disclosure_id: disclosures[0].version
    }
    with engine.connect() as connection:
        assert connection.scalars(select(CoreDisclosureDocument.sha256)).all() == ["b" * 64]
        (old,) = connection.scalars(select(CoreJudgement.version)).all()
    assert old != disclosures[0].version
    assert list(load.unjudged_disclosures(engine, "rules-2")) == [disclosures[0].disclosure_id]


def test_disclosures_that_a_site_no_longer_makes_are_not_current(engine: Engine) -> None:
    night(engine)
    run = start(engine)
    (disclosure_id,) = load.current_disclosures(engine)
    load.save_disclosures(engine, run, [], sites=["elsewhere"])
    assert list(load.current_disclosures(engine, sites=["hill"])) == [disclosure_id]
    load.save_disclosures(engine, run, [], sites=["hill"])
    assert load.current_disclosures(engine) == {}
    with engine.connect() as connection:
        assert connection.execute(select(CoreJudgement.__table__)).one()


def test_selections_for_a_rerun(engine: Engine) -> None:
    night(engine)
    (disclosure_id,) = load.current_disclosures(engine)
    for selection in ({"sha256s": ["a" * 64]}, {"sites": ["hill"]}, {"years": [2023]}):
        assert list(load.current_disclosures(engine, **selection)) == [disclosure_id]
        assert [d.sha256 for d in load.stored_documents(engine, **selection)] == ["a" * 64]
    for selection in ({"sha256s": ["b" * 64]}, {"sites": ["x"]}, {"years": [2022]}):
        assert load.current_disclosures(engine, **selection) == {}
        assert load.stored_documents(engine, **selection) == []


def several(**changes: Any) -> Reading:
    """Two disclosures in one file."""
    file = "a" * 64
    second = reading("a", agency="山城区教育局", **changes)
    second = replace(second, sha256=part_key(file, 2), part=2, part_of=file)
    return replace(reading("a"), part_of=file, further=(second,))


def test_disclosures_of_one_file_are_documents_of_their_own(engine: Engine) -> None:
    file, second = "a" * 64, part_key("a" * 64, 2)
    run = start(engine)
    load.save_fetches(engine, run, [fetch("a")], ARCHIVE)
    assert load.save_readings(engine, run, [several()]) == 1
    before = everything(engine)
    assert load.save_readings(engine, run, [several()]) == 0
    assert everything(engine) == before
    # The file alone is read, wherever it is asked for by its second disclosure.
    assert load.unread_documents(engine, READERS) == []
    assert [d.sha256 for d in load.unread_documents(engine, "r2")] == [file]
    assert [d.sha256 for d in load.stored_documents(engine, sha256s=[second])] == [file]
    assert [d.sha256 for d in load.stored_documents(engine, years=[2023])] == [file]
    documents = load.documents_to_assemble(engine, READERS, sites=SITES)
    made = assemble(documents, alternates="merge")
    load.save_disclosures(engine, run, made, sites=["hill"])
    assert {(d.agency, d.main.sha256) for d in made} == {
        ("山城区财政局", file),
        ("山城区教育局", second),
    }
    [other] = load.current_disclosures(engine, sha256s=[second])
    assert len(load.current_disclosures(engine, sha256s=[file])) == 2
    assert load.documents_of_disclosures(engine) == [file]
    assert other_documents(engine) == []
    # One of them changes; the other keeps its version.
    versions = load.current_disclosures(engine)
    corrected = several(facts=(fact("general_budget", "914.66"),))
    assert load.save_readings(engine, run, [corrected]) == 1
    documents = load.documents_to_assemble(engine, READERS, sites=SITES)
    load.save_disclosures(engine, run, assemble(documents, alternates="merge"), sites=["hill"])
    changed = {k for k, v in load.current_disclosures(engine).items() if versions[k] != v}
    assert changed == {other}


def test_later_readers_may_find_other_disclosures_in_a_file(engine: Engine) -> None:
    run = start(engine)
    load.save_fetches(engine, run, [fetch("a")], ARCHIVE)
    load.save_readings(engine, run, [several()])
    later = start(engine, reader_version="r2")
    load.save_readings(engine, later, [reading("a")])
    documents = load.documents_to_assemble(engine, "r2", sites=SITES)
    assert [d.sha256 for d in documents] == ["a" * 64]
    load.save_disclosures(engine, later, assemble(documents, alternates="merge"), sites=["hill"])
    assert len(load.current_disclosures(engine)) == 1
    assert other_documents(engine) == []


def test_a_document_of_two_sites_is_a_disclosure_on_each(engine: Engine) -> None:
    run = start(engine)
    load.save_fetches(engine, run, [fetch("a"), fetch("a", site="valley")], ARCHIVE)
    assert [d.sha256 for d in load.unread_documents(engine, READERS, sites=["valley"])] == [
        "a" * 64
    ]
    load.save_readings(engine, run, [reading("a")])
    documents = load.documents_to_assemble(engine, READERS, sites=["hill", "valley"])
    made = assemble(documents, alternates="merge")
    load.save_disclosures(engine, run, made, sites=["hill", "valley"])
    assert [one.site for one in made] == ["hill", "valley"]
    assert len(load.current_disclosures(engine, sha256s=["a" * 64])) == 2
    assert load.sites_of(engine, ["a" * 64]) == ["hill", "valley"]


def test_what_one_site_has_replaced_another_may_still_publish(engine: Engine) -> None:
    run = start(engine)
    load.save_fetches(engine, run, [fetch("a"), fetch("a", site="valley")], ARCHIVE)
    load.save_readings(engine, run, [reading("a")])
    with engine.begin() as connection:
        gone = update(RawLocation).where(RawLocation.site == "hill")
        connection.execute(gone.values(state="replaced", replaced_by="http://hill.test/b.pdf"))
    documents = load.documents_to_assemble(engine, READERS, sites=["hill", "valley"])
    assert [one.site for one in documents] == ["valley"]


def test_a_judgement_that_says_something_else_is_replaced(engine: Engine) -> None:
    night(engine)
    run = start(engine)
    versions = load.current_disclosures(engine)
    (disclosure_id,) = versions
    (finding,) = judgement(disclosure_id).findings
    other = judgement(
        disclosure_id,
        findings=(
            finding,
            finding,  # said twice: one row
            replace(finding, message="另一句。"),  # same subject, another verdict: kept apart
        ),
    )
    assert load.save_judgements(engine, run, [other], [], versions) == 1
    with engine.connect() as connection:
        subjects = connection.scalars(select(CoreFinding.subject).order_by(CoreFinding.subject))
        assert subjects.all() == ["收入", "收入 #2"]


def test_json_holds_only_what_every_database_takes() -> None:
    odd = {
        "decimal": Decimal("1E+2"),
        "nan": float("nan"),
        "numpy": (np.int64(3), np.bool_(True), np.float64("inf")),
        "pandas": [pd.NA, pd.NaT, pd.Timestamp("2024-09-02")],
        "state": State.FAIL,
        "set": {"b", "a"},
        "text": "坏\x00\ud800",
        3: NOON,
    }
    assert json_safe(odd) == {
        "decimal": "100",
        "nan": None,
        "numpy": [3, True, None],
        "pandas": [None, None, "2024-09-02T00:00:00"],
        "state": "fail",
        "set": ["a", "b"],
        "text": "坏\ufffd?",
        "3": "2024-09-02T12:00:00+00:00",
    }


def test_a_run_that_is_taken_up_again_stays_one_run(engine: Engine) -> None:
    run = start(engine, run_id="fixed")
    load.finish_run(engine, run, state="failed", summary={"reason": "断电"})
    assert start(engine, run_id="fixed") == "fixed"
    with engine.connect() as connection:
        (row,) = connection.execute(text("SELECT state, finished_at FROM raw_runs")).all()
    assert tuple(row) == ("running", None)


def test_saving_for_a_run_that_does_not_exist_is_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="no run"):
        load.save_fetches(engine, "nobody", [fetch("a")], ARCHIVE)
    with pytest.raises(ValueError, match="no run"):
        load.save_readings(engine, "nobody", [reading("a")])


def test_two_documents_of_one_disclosure(engine: Engine) -> None:
    run = start(engine)
    article = "http://hill.test/article.html"
    load.save_fetches(
        engine,
        run,
        [fetch("a", found_on=article), fetch("b", found_on=article, media_type="text/html")],
        ARCHIVE,
    )
    narrative = reading("a", forms=(), facts=())
    tables = reading("b", agency=None, statements=(), performance=())
    load.save_readings(engine, run, [narrative, tables])
    made: list[Disclosure] = assemble(
        load.documents_to_assemble(engine, READERS, sites=SITES), alternates="merge"
    )
    load.save_disclosures(engine, run, made, sites=["hill"])
    with engine.connect() as connection:
        rows = connection.execute(
            select(
                CoreDisclosureDocument.sha256,
                CoreDisclosureDocument.role,
                CoreDisclosureDocument.narrative,
                CoreDisclosureDocument.forms,
            ).order_by(CoreDisclosureDocument.ordinal)
        ).all()
    assert [(row.sha256[0], row.role, row.narrative, row.forms) for row in rows] == [
        ("a", "narrative", True, []),
        ("b", "tables", False, ["01"]),
    ]
