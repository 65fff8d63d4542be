"""The files of ``check --out`` against the contract of their fields."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from disclosures.amounts import CellState, MoneyUnit
from disclosures.assembly import DocumentReading, assemble
from disclosures.jsonl import Check, decimal_text, write_check
from disclosures.model import (
    DocumentKind,
    Fact,
    FormReading,
    PerformanceFact,
    Reading,
    Side,
    Statement,
)
from disclosures.verdicts import Finding, Judgement, Severity, State

FIELDS = {
    "documents": "file sha256 media_type kind reason agency year unit pages forms",
    "facts": "document file form side line code name column amount text decimals page bbox "
    "readers agreed",
    "statements": "document file section subject measure value unit quote page",
    "performance": "document file table project indicator measure value unit text page",
    "findings": "document file rule severity state form subject stated computed difference "
    "tolerance message innocent page quote cause",
    "scores": "document file score grade dimensions coverage ruleset",
}

FACTS = (
    Fact(
        "01", Side.INCOME, "general_budget", "1", None, "一般公共预算财政拨款收入", "amount",
        Decimal("1E+2"), "100", 0, page=3, bbox=(1.0, 2.0, 3.5, 4.0), readers=("a", "b"),
    ),
    Fact(
        "01", Side.INCOME, "other", None, None, "其他收入\n=1+1", "amount", None, "", None,
        state=CellState.BLANK,
    ),
    Fact("05", None, "201", None, "201", "一般公共服务支出", "total", Decimal("-0.00"), "-0.00", 2),
)  # fmt: skip
NARRATIVE = Reading(
    "a" * 64,
    "application/pdf",
    DocumentKind.FINAL_ACCOUNTS,
    agency="山城区财政局",
    year=2023,
    statements=(
        Statement("收支", "total", "amount", Decimal("100.00"), "万元", "总计100.00。", 1),
    ),
    performance=(PerformanceFact("unit", "整体", "执行率", "rate", None, "%", "／", 9),),
    pages=20,
)
TABLES = Reading(
    "b" * 64,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    DocumentKind.FINAL_ACCOUNTS,
    unit=MoneyUnit.WAN,
    forms=(
        FormReading("01", "收入支出决算总表", (), MoneyUnit.WAN, "central"),
        FormReading("05", "支出决算表", (), MoneyUnit.WAN, "central"),
    ),
    facts=FACTS,
)
BROKEN = Reading("c" * 64, "application/pdf", DocumentKind.UNREADABLE, "文件为空")


def written(out: Path, check: Check) -> dict[str, list[dict[str, Any]]]:
    paths = write_check(out, check)
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in paths)
    return {
        path.stem: [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for path in paths
    }


@pytest.fixture
def check() -> Check:
    disclosures = assemble(
        [
            DocumentReading.of(reading, reader_version="1", found_on="folder")
            for reading in (NARRATIVE, TABLES, BROKEN)
        ],
        alternates="separate",
    )
    (disclosure,) = disclosures
    finding = Finding(
        disclosure.disclosure_id,
        "form01.total",
        "收入",
        Severity.ERROR,
        State.FAIL,
        "不相等",
        form="01",
        stated_wan=Decimal("100"),
        computed_wan=Decimal("99.95"),
        difference_wan=Decimal("5E-2"),
        tolerance_wan=Decimal("0.015"),
        sha256="b" * 64,
    )
    judgement = Judgement(
        disclosure.disclosure_id,
        "rules-1",
        Decimal("60"),
        "D",
        {"真实性": {"score": "50.0", "weight": 70, "evaluated": 2, "passed": Decimal(1)}},
        Decimal("97.53"),
        {"fail": 1},
        (finding,),
    )
    return Check(
        [("a.pdf", NARRATIVE), ("b.xlsx", TABLES), ("copy/b.xlsx", TABLES), ("c.pdf", BROKEN)],
        disclosures,
        {disclosure.disclosure_id: judgement},
    )


def test_every_record_has_exactly_the_fields_of_the_contract(check: Check, tmp_path: Path) -> None:
    records = written(tmp_path / "new" / "out", check)
    assert set(records) == set(FIELDS)
    for name, rows in records.items():
        assert rows, name
        for row in rows:
            assert list(row) == FIELDS[name].split(), name


def test_documents_name_department_and_year_of_their_disclosure(
    check: Check, tmp_path: Path
) -> None:
    documents = written(tmp_path, check)["documents"]
    assert [(d["file"], d["kind"], d["reason"]) for d in documents] == [
        ("a.pdf", "final_accounts", None),
        ("b.xlsx", "final_accounts", None),
        ("copy/b.xlsx", "final_accounts", None),
        ("c.pdf", "unreadable", "文件为空"),
    ]
    assert [(d["agency"], d["year"]) for d in documents] == [
        ("山城区财政局", 2023),
        ("山城区财政局", 2023),
        ("山城区财政局", 2023),
        (None, None),
    ]
    assert documents[1]["forms"] == ["01", "05"]
    assert documents[1]["unit"] == "万元"


def test_amounts_are_plain_and_blank_is_null(check: Check, tmp_path: Path) -> None:
    facts = written(tmp_path, check)["facts"][:3]
    assert [fact["amount"] for fact in facts] == ["100", None, "0.00"]
    assert facts[0]["bbox"] == [1.0, 2.0, 3.5, 4.0]
    assert (facts[0]["side"], facts[2]["side"]) == ("income", None)
    assert facts[1]["name"] == "其他收入\n=1+1"  # as read: this is no spreadsheet


def test_findings_and_scores_stand_under_their_documents(check: Check, tmp_path: Path) -> None:
    records = written(tmp_path, check)
    assert [(f["file"], f["difference"], f["severity"]) for f in records["findings"]] == [
        ("b.xlsx", "0.05", "error"),
        ("copy/b.xlsx", "0.05", "error"),
    ]
    (score,) = records["scores"]
    assert (score["file"], score["score"], score["coverage"]) == ("a.pdf", "60", "97.53")
    assert score["dimensions"]["真实性"]["passed"] == "1"


def test_a_second_check_replaces_the_files(check: Check, tmp_path: Path) -> None:
    written(tmp_path, check)
    records = written(tmp_path, Check([("c.pdf", BROKEN)]))
    assert [len(rows) for rows in records.values()] == [1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("number", "text"),
    [("1E-8", "0.00000001"), ("-1.50", "-1.50"), ("-0", "0"), ("1E+3", "1000"), ("NaN", None)],
)
def test_decimal_text(number: str, text: str | None) -> None:
    assert decimal_text(Decimal(number)) == text
