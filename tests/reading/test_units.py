"""The units that a narrative says its department adds up."""

from __future__ import annotations

import pytest

from disclosures.model import UnitList
from disclosures.reading.grids import PageText
from disclosures.reading.units import units_of


def listed(*lines: str) -> UnitList | None:
    return units_of([PageText(1, "\n".join(lines))])


def test_a_table_of_units() -> None:
    """As cells with tabs, or with blanks where a PDF's text has lost them."""
    tabs = listed(
        "纳入云水市财政局2023年度部门决算编制范围的预算单位具体情况如下：",
        "序号\t单位名称\t单位性质",
        "1\t云水市财政局\t行政机关",
        "2\t云水市财政国库支付中心\t事业单位",
        "第二部分 2023年度部门决算表",
        "3\t不在表中的中心",
    )
    assert tabs == UnitList(("云水市财政局", "云水市财政国库支付中心"), True)
    blanks = listed(
        "纳入云水市财政局 2023 年度部门决算编制范",
        "围的单位包括：",
        "序号 单位名称 备注",
        "1 云水市财政局（本级）",
        "2 云水市 12366 服务中心 差额拨款",
        "3 云水市财政局财政所 预算不单列，并入本级",
        "二、收入支出情况",
    )
    assert blanks == UnitList(("云水市财政局(本级)", "云水市12366服务中心"), True)


def test_numbered_lines_and_sentences() -> None:
    lines = listed(
        "纳入本部门2023年度部门决算编制范围的二级预算单位包括：",
        "- 1、云水市财政局本级",
        "- 2、云水市财政干部培训中心",
    )
    assert lines == UnitList(("云水市财政局本级", "云水市财政干部培训中心"), True)
    sentence = "纳入部门决算编制范围的单位共3家，具体包括：财政局本级、甲中心、乙研究所。"
    assert listed(sentence) == UnitList(("财政局本级", "甲中心", "乙研究所"), True)
    numbered = "纳入决算编制范围的单位包括: 1. 甲中心(财务不独立) 2. 乙研究所。"
    assert listed(numbered) == UnitList(("乙研究所",), True)


@pytest.mark.parametrize(
    "lines",
    [
        ("纳入部门决算编制范围的单位共5个，包括：财政局本级、甲中心。",),
        ("纳入部门决算编制范围的单位主要包括：财政局本级、甲中心。",),
        ("纳入部门决算编制范围的单位包括：财政局本级、甲中心等8个单位。",),
        ("纳入部门决算编制范围的单位包括：财政局本级、甲中心",),
        ("纳入部门决算编制范围的单位包括：", "1.财政局本级", "2.甲中心和若干人员"),
    ],
)
def test_what_may_not_be_the_whole_list_says_so(lines: tuple[str, ...]) -> None:
    found = listed(*lines)
    assert found is not None
    assert not found.complete


@pytest.mark.parametrize(
    "text",
    [
        "从决算单位构成看，本部门决算包括：本级决算、所属事业单位决算。",
        "本部门没有下属单位，单独编制本部门决算。",
        "内设机构3个，包括：办公室、督察室、投诉管理室。",
        "纳入部门决算编制范围的单位1个。",
        "",
    ],
)
def test_no_list(text: str) -> None:
    assert listed(text) is None
