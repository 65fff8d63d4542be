"""The read models on a warehouse that a small nightly run has filled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine, select

from connectors.records import Fetch, FetchOutcome, FetchRole
from disclosures.amounts import CellState, MoneyUnit
from disclosures.assembly import assemble
from disclosures.model import (
    DocumentKind,
    Fact,
    FormReading,
    PerformanceFact,
    Reading,
    Side,
    Statement,
)
from disclosures.verdicts import Finding, Judgement, Operand, Severity, State, ValidationSummary
from warehouse import load, queries
from warehouse.schema import (
    CoreFact,
    CoreFinding,
    CorePerformance,
    CoreStatement,
    OutValidation,
    RawRun,
)

NOON = datetime(2024, 9, 2, 12, tzinfo=UTC)
FACTS = (
    Fact(
        "01", Side.INCOME, "other", "8", None, "其他收入", "amount", Decimal("3.10"), "3.10", 2,
        page=3, bbox=(1.5, 2.0, 3.0, 4.0), readers=("tablers", "tabula"),
    ),
    Fact(
        "01", Side.INCOME, "grand_total", "30", None, "总计", "amount", Decimal("914.65"),
        "914.65", 2, page=3, agreed=False, note="仅一个读取器",
    ),
    Fact(
        "01", Side.EXPENSE, "grand_total", "60", None, "总计", "amount", None, "", None,
        state=CellState.BLANK, page=3,
    ),
)  # fmt: skip
#: Fields of a fact that a row holds under their names.
KEPT_AS_THEY_ARE = (
    *("form", "row", "line", "code", "name", "column", "amount_wan", "text", "decimals"),
    *("page", "agreed", "note"),
)
STATEMENTS = (
    Statement("收支", "total", "amount", Decimal("914.65"), "万元", "总计914.65万元。", 9, "增加"),
)
PERFORMANCE = (PerformanceFact("unit", "整体", "执行率", "rate", None, "%", "／", 12),)
ACCOUNTS = Reading(
    "a" * 64,
    "application/pdf",
    DocumentKind.FINAL_ACCOUNTS,
    agency="山城区财政局",
    year=2023,
    pages=20,
    title="山城区财政局2023年度部门决算",
    unit=MoneyUnit.WAN,
    forms=(
        FormReading("01", "收入支出决算总表", (3, 4), MoneyUnit.WAN, "central", notes=("注",)),
        FormReading("07", "政府性基金…表", (10,), MoneyUnit.WAN, "central", declared_empty=True),
    ),
    facts=FACTS,
    statements=STATEMENTS,
    performance=PERFORMANCE,
    sections=("部门概况",),
    readers={"tablers": "0.1"},
)


class Folder:
    def archived_as(self, sha256: str, media_type: str) -> str:
        return sha256

    def size(self, sha256: str) -> int:
        return 1


def fetch(name: str, **changes: object) -> Fetch:
    base = Fetch(
        site="hill",
        url=f"http://hill.test/{name}.pdf",
        role=FetchRole.DOCUMENT,
        outcome=FetchOutcome.NEW,
        fetched_at=NOON,
        sha256=name * 64,
        media_type="application/pdf",
        size_bytes=10,
        found_on=f"http://hill.test/{name}.html",
        file_name=f"{name}.pdf",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def finding(disclosure_id: str, rule: str, severity: Severity, state: State) -> Finding:
    operand = Operand(
        "01", "income", "other", "amount", "其他收入", "3.10", Decimal("3.10"), 3, "a" * 64
    )
    return Finding(
        disclosure_id, rule, "收入", severity, state, "不相等", "01",
        Decimal("914.65"), Decimal("914.60"), Decimal("0.05"), Decimal("0.015"),
        operands=(operand,),
    )  # fmt: skip


@pytest.fixture
def run_id(engine: Engine) -> str:
    run = load.start_run(
        engine,
        kind="nightly",
        parameters={},
        code_version="0.1.0",
        ruleset="rules-1",
        reader_version="r1",
    )
    load.save_fetches(
        engine,
        run,
        [
            fetch("a"),
            fetch("b"),
            fetch("e"),
            fetch("c", sha256=None, outcome=FetchOutcome.FAILED, status=404, reason="HTTP 404"),
            fetch("b", sha256="d" * 64, fetched_at=NOON - timedelta(days=9)),
        ],
        Folder(),
    )
    load.save_readings(
        engine,
        run,
        [
            ACCOUNTS,
            Reading("b" * 64, "application/pdf", DocumentKind.BUDGET, "标题为部门预算"),
            Reading("d" * 64, "application/pdf", DocumentKind.OTHER),
        ],
    )
    made = assemble(load.documents_to_assemble(engine, "r1", sites=["hill"]), alternates="merge")
    load.save_disclosures(engine, run, made, sites=["hill"])
    versions = load.unjudged_disclosures(engine, "rules-1")
    (identifier,) = versions
    judgement = Judgement(
        identifier,
        "rules-1",
        Decimal("59.9"),
        "D",
        {"真实性": {"score": "50", "weight": 70}},
        Decimal("97.53"),
        {"exact": 7, "fail": 2},
        (
            finding(identifier, "r.suspect", Severity.ERROR, State.EXTRACTION_SUSPECT),
            finding(identifier, "r.warn", Severity.WARN, State.FAIL),
            finding(identifier, "r.error", Severity.ERROR, State.FAIL),
        ),
    )
    summary = ValidationSummary("form01", "b1", False, 1, ({"rule": "r.error"},))
    load.save_judgements(engine, run, [judgement], [summary], versions)
    load.finish_run(engine, run, state="completed", summary={"disclosures": 1})
    return run


def test_an_overview_row_counts_what_was_found(engine: Engine, run_id: str) -> None:
    (row,) = queries.disclosure_summaries(engine)
    assert (row.agency, row.year, row.site) == ("山城区财政局", 2023, "hill")
    assert (row.score, row.grade, row.coverage) == (Decimal("59.90"), "D", Decimal("97.53"))
    assert (row.errors, row.warnings) == (1, 1)
    assert row.found["error", "extraction_suspect"] == 1
    assert (row.forms, row.files, row.sha256) == (("01", "07"), ("a.pdf",), "a" * 64)
    assert row.up_to_date
    assert queries.disclosure_summaries(engine, sites=["x"]) == []
    assert queries.disclosure_summaries(engine, years=[2023], sites=["hill"]) == [row]
    (under_other_rules,) = queries.disclosure_summaries(engine, ruleset="rules-2")
    assert (under_other_rules.score, under_other_rules.errors) == (None, 0)


def test_findings_are_kept_with_their_operands(engine: Engine, run_id: str) -> None:
    with engine.connect() as connection:
        rows = connection.execute(select(CoreFinding.__table__).order_by(CoreFinding.rule)).all()
    assert [(row.rule, row.severity, row.state) for row in rows] == [
        ("r.error", "error", "fail"),
        ("r.suspect", "error", "extraction_suspect"),
        ("r.warn", "warn", "fail"),
    ]
    (operand,) = rows[0].operands
    assert (operand["name"], operand["amount_wan"], operand["page"]) == ("其他收入", "3.10", 3)
    assert rows[0].difference_wan == Decimal("0.05")


def test_a_document_is_kept_as_it_was_read(engine: Engine, run_id: str) -> None:
    with engine.connect() as connection:
        cells = connection.execute(select(CoreFact.__table__).order_by(CoreFact.ordinal)).all()
        (statement,) = connection.execute(select(CoreStatement.__table__))
        (figure,) = connection.execute(select(CorePerformance.__table__))
    assert [
        Fact(
            **{
                **{name: cell._mapping[name] for name in KEPT_AS_THEY_ARE},
                "side": Side(cell.side),
                "state": CellState(cell.state),
                "unit": MoneyUnit(cell.unit),
                "bbox": tuple(cell.bbox) if cell.bbox else None,
                "readers": tuple(cell.readers),
            }
        )
        for cell in cells
    ] == list(FACTS)  # in printed order, amounts, boxes and notes included
    (said,), (performed,) = STATEMENTS, PERFORMANCE
    assert (statement.value, statement.quote, statement.direction) == (
        "914.65",
        said.quote,
        said.direction,
    )
    assert (figure.value, figure.text, figure.page) == (None, performed.text, performed.page)


def test_what_is_not_a_disclosure_has_a_reason(engine: Engine, run_id: str) -> None:
    others = queries.other_documents(engine, sites=["hill"])
    assert {(one.sha256[0], one.kind, one.reason) for one in others} == {
        ("b", "budget", "标题为部门预算"),
        ("d", "other", "已被新版本取代"),
        ("e", "unread", None),
    }


def test_a_package_is_known_by_its_whole_address(engine: Engine, run_id: str) -> None:
    """One address may look like a pattern that fits another."""
    twins = [
        fetch("a_%", sha256="1" * 64),
        fetch("a_%", url="http://hill.test/a_%.pdf#1.xls", sha256="3" * 64),
        fetch("ab%", sha256="2" * 64),
        fetch("ab%", url="http://hill.test/ab%.pdf#1.xls", sha256="4" * 64),
    ]
    load.save_fetches(engine, run_id, twins, Folder())
    assert queries.packages_with(engine, "3" * 64) == ["1" * 64]
    assert queries.packages_with(engine, "4" * 64) == ["2" * 64]


def test_a_document_is_named_by_the_beginning_of_its_hash(engine: Engine, run_id: str) -> None:
    assert queries.documents_starting_with(engine, " AAAA ") == ["a" * 64]
    assert len(queries.documents_starting_with(engine, "")) == 2
    assert queries.documents_starting_with(engine, "%") == []
    assert load.sites_of(engine, ["a" * 64, "0" * 64]) == ["hill"]


def test_runs_and_validations(engine: Engine, run_id: str) -> None:
    with engine.connect() as connection:
        (run,) = connection.execute(select(RawRun.__table__))
        (validation,) = connection.execute(select(OutValidation.__table__))
    assert (run.run_id, run.state, run.summary) == (run_id, "completed", {"disclosures": 1})
    assert run.finished_at.tzinfo is not None
    assert (validation.run_id, validation.suite, validation.success) == (run_id, "form01", False)
    assert validation.results == [{"rule": "r.error"}]


def test_the_judgement_of_an_old_version_stands_until_the_new_one_is_judged(
    engine: Engine, run_id: str
) -> None:
    load.save_readings(engine, run_id, [replace(ACCOUNTS, title="更正")])
    made = assemble(load.documents_to_assemble(engine, "r1", sites=["hill"]), alternates="merge")
    load.save_disclosures(engine, run_id, made, sites=["hill"])
    (row,) = queries.disclosure_summaries(engine)
    assert (row.grade, row.up_to_date) == ("D", False)
    versions = load.unjudged_disclosures(engine, "rules-1")
    good = Judgement(row.disclosure_id, "rules-1", None, "—", {}, Decimal(0), {})
    load.save_judgements(engine, run_id, [good], [], versions)
    (row,) = queries.disclosure_summaries(engine)
    assert (row.grade, row.score, row.errors, row.up_to_date) == ("—", None, 0, True)
