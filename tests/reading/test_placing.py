"""Figures of rows that have lost their blank cells are placed by sums, or not at all."""

from __future__ import annotations

from disclosures.amounts import CellState
from disclosures.model import Fact
from disclosures.reading.text import read_text_document

HEAD = """一般公共预算财政拨款支出决算表
单位：万元
项目 本年支出合计 基本支出 项目支出
科目编码 科目名称
栏次 1 2 3
"""


def read(text: str) -> dict[tuple[str, str, str], Fact]:
    return {
        (fact.form, fact.row, fact.column): fact
        for _, facts in read_text_document(text).forms
        for fact in facts
    }


def shown(facts: dict[tuple[str, str, str], Fact], row: str, form: str = "05") -> list[str | None]:
    columns = [column for f, r, column in facts if (f, r) == (form, row)]
    found = [facts[form, row, column] for column in columns]
    return [None if f.state is CellState.UNREADABLE else f.text for f in found]


def test_sums_place_what_they_leave_no_choice_for() -> None:
    facts = read(
        f"""{HEAD}合计 100.00 60.00 40.00
201 一般公共服务支出 60.00 60.00
20103 政府办公厅（室）及相关机构事务 60.00 60.00
2010301 行政运行 60.00 60.00
213 农林水支出 40.00 40.00
21305 巩固脱贫攻坚成果衔接乡村振兴 40.00 40.00
2130599 其他巩固脱贫攻坚成果衔接乡村振兴支出 40.00 40.00
"""
    )
    assert shown(facts, "2010301") == ["60.00", "60.00", ""]
    assert shown(facts, "2130599") == ["40.00", "", "40.00"]
    assert "按合计关系" in (facts["05", "2130599", "project"].note or "")
    assert not facts["05", "2130599", "project"].agreed


def test_two_ways_to_place_are_none() -> None:
    facts = read(
        f"""{HEAD}合计 80.00 40.00 40.00
201 一般公共服务支出 40.00 40.00
20103 政府办公厅（室）及相关机构事务 40.00 40.00
213 农林水支出 40.00 40.00
21305 巩固脱贫攻坚成果衔接乡村振兴 40.00 40.00
"""
    )
    for row in ("201", "20103", "213", "21305"):
        assert shown(facts, row) == ["40.00", None, None]


def test_a_sum_that_does_not_hold_places_nothing() -> None:
    facts = read(
        f"""{HEAD}合计 100.00 60.00 40.00
201 一般公共服务支出 60.00 60.00
20103 政府办公厅（室）及相关机构事务 60.00 60.00
213 农林水支出 41.00 41.00
21305 巩固脱贫攻坚成果衔接乡村振兴 41.00 41.00
"""
    )
    assert shown(facts, "201") == ["60.00", None, None]
    assert shown(facts, "213") == ["41.00", None, None]


def test_rounding_leaves_both_ways_open() -> None:
    """Parts that differ by a cent may stand on either side."""
    facts = read(
        f"""{HEAD}合计 80.00 40.00 40.01
201 一般公共服务支出 40.00 40.00
213 农林水支出 40.01 40.01
"""
    )
    assert shown(facts, "201") == ["40.00", None, None]


def test_another_form_tells_basic_from_project_expenditure() -> None:
    whole = """支出决算表
单位：万元
项目 本年支出合计 基本支出 项目支出 上缴上级支出 经营支出 对附属单位补助支出
科目编码 科目名称
栏次 1 2 3 4 5 6
合计 100.00 60.00 40.00
201 一般公共服务支出 100.00 60.00 40.00
"""
    alone = read(whole)
    assert shown(alone, "201", "03") == ["100.00", *[None] * 5]
    both = read(f"{whole}{HEAD}合计 100.00 60.00 40.00\n201 一般公共服务支出 100.00 60.00 40.00\n")
    assert shown(both, "201", "03") == ["100.00", "60.00", "40.00", "", "", ""]


def test_a_row_that_does_not_add_up_is_in_doubt() -> None:
    facts = read(f"{HEAD}合计 100.00 60.00 40.00\n201 一般公共服务支出 100.00 60.00 50.00\n")
    assert facts["05", "total", "basic"].agreed
    assert not facts["05", "201", "basic"].agreed


def test_a_form_with_a_column_of_income_is_told_by_its_headings() -> None:
    facts = read(
        """国有资本经营预算财政拨款支出决算表
单位：万元
项目 本年收入 本年支出 合计 基本支出 项目支出
科目编码 科目名称
栏次 1 2 3 4
合计 2.90 2.90 2.90
223 国有资本经营预算支出 2.90 2.90 2.90
"""
    )
    assert facts["08", "223", "income"].text == "2.90"
    assert facts["08", "223", "total"].text == "2.90"
    assert facts["08", "223", "basic"].state is CellState.UNREADABLE
