"""The page of a disclosure begins with the figure behind its findings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import made_up_accounts
from lxml import html
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from data_docs.build import build_site
from warehouse.schema import CoreCause

NUMBER = 0  # the first made-up disclosure has errors


def _cause(ordinal: int, option: int, **changes: object) -> CoreCause:
    operand = made_up_accounts.operand(
        "01", "expense_total", "amount", "本年支出合计", "2297.25", side="expense",
        role="suspect", sha256=made_up_accounts.sha_of(NUMBER),
    )  # fmt: skip
    row: dict[str, object] = {
        "disclosure_id": made_up_accounts.disclosure_id_of(NUMBER),
        "version": f"v-{NUMBER}",
        "ruleset": made_up_accounts.RULESET,
        "ordinal": ordinal,
        "option": option,
        "sureness": "likely",
        "state": "fail",
        "message": "最可能有误的数字：<img src=x onerror=alert(1)>本年支出合计",
        "suspects": [
            {"operand": operand, "repair_wan": "2296.25", "low_wan": "2296.23",
             "high_wan": "2296.27", "reasons": ["只有一位数字不同"]},
            {"operand": {**operand, "row": "201", "name": "一般公共服务支出"},
             "repair_wan": "1833.46", "low_wan": "1833.44", "high_wan": None, "reasons": []},
        ],
        "explains": [["01.expense-total", "本年支出合计"]],
        "run_id": made_up_accounts.RUN,
    }  # fmt: skip
    return CoreCause(**{**row, **changes})


def test_causes_stand_before_the_findings_that_they_explain(
    own_warehouse: Engine, tmp_path: Path
) -> None:
    with Session(own_warehouse) as session:
        session.add_all([_cause(1, 0), _cause(2, 1, message="另一种同样简单的解释")])
        session.commit()
    build_site(
        own_warehouse,
        tmp_path / "data_docs",
        archive=tmp_path / "archive",
        rules=made_up_accounts.RULES,
    )
    pages: list[Any] = [
        html.fromstring(path.read_text(encoding="utf-8"))
        for path in (tmp_path / "data_docs" / "disclosures").glob("*.html")
    ]
    (page,) = [page for page in pages if page.get_element_by_id("causes", None) is not None]
    sections = [one.get("id") for one in page.iter("section") if one.get("id")]
    assert sections.index("causes") < sections.index("findings")
    section = page.get_element_by_id("causes")
    first = section.get_element_by_id("cause1")
    assert not list(section.iter("img"))
    assert "<img src=x" in first.text_content()
    for shown in ("2,296.25", "只有一位数字不同", "1,833.44 以上", "一般公共服务支出"):
        assert shown in first.text_content()
    (link,) = first.xpath(".//ul//a")
    finding = page.get_element_by_id(link.get("href").removeprefix("#"))
    assert "本年支出合计" in finding.text_content()
    # An equally small explanation is there, folded.
    (folded,) = section.xpath("./details")
    assert "另一种同样简单的解释" in folded.text_content()
    assert page.get_element_by_id(first.get("data-cells").split()[0]) is not None
