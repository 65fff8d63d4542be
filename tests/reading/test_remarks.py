"""Residues of templates, figures that were never filled in, headings of another year."""

from __future__ import annotations

from pathlib import Path

import pytest

from disclosures.reading.grids import PageText
from disclosures.reading.remarks import YEAR_DIFFERS, kinds, remarks, topics
from disclosures.reading.text import read_text_document

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
CHAPTER = "第三部分 2023年度部门决算情况说明\n一、收入支出决算总体情况说明\n"


def found(text: str, year: int | None = 2023) -> list[tuple[str, str]]:
    return [(r.kind, r.text) for r in remarks([PageText(1, CHAPTER + text)], year)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("本年收入合计XX万元，其中财政拨款收入900.00万元。", "placeholder"),
        ("××局2023年度收、支总计均为1.00万元。", "placeholder"),
        ("某某单位2023年度收入1.00万元。", "placeholder"),
        ("与20XX年相比增加1.00万元。", "placeholder"),
        ("202 年度收、支总计均为1.00万元。", "year_cut"),
        ("本年收入合计 万元，比上年增加1.00万元。", "figure_missing"),
        ("本年收入合计1.00万元，占 %。", "figure_missing"),
        ("比上年增加1.00万元，主要原因是。", "reason_missing"),
        ("比上年增加1.00万元，主要是由于：。", "reason_missing"),
        ("比上年增加/减少1.00万元。", "instruction"),
        ("本单位无此项支出的，请删除。", "instruction"),
        ("共组织对0个项目开展了重点绩效评价（如有）。", "instruction"),
        ("本年收入合计1.00万元万元。", "unit_twice"),
    ],
)
def test_what_no_finished_text_says(text: str, kind: str) -> None:
    assert [k for k, _ in found(text)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "本年收入合计1,000.00万元，占100.00%，比上年增加1.00万元，主要原因是人员增加。",
        "注：本表金额转换为万元时，因四舍五入可能存在尾差。金额单位为万元。",
        "2023年度收、支总计均为1.00万元，近20年度累计10.00万元。",
        "单价100万元（含）以上专用设备0台，12345热线办结率为99%。",
        "分析增减变动的主要原因。经费支出1.00亿元。",
        "人均支出万元左右。",
    ],
)
def test_ordinary_wording_is_not_remarked_upon(text: str) -> None:
    assert found(text) == []


def test_a_remark_quotes_what_stands_around_it_and_knows_its_page() -> None:
    pages = [PageText(3, CHAPTER), PageText(4, "本年收入合计XX万元，其中其他收入1.00万元。")]
    (remark,) = remarks(pages, 2023)
    assert (remark.page, remark.text) == (4, "XX万元")
    assert remark.quote == "本年收入合计XX万元，其中其他收入1.00万元。"


def test_a_heading_of_another_year() -> None:
    text = "本年收入合计1.00万元。\n二、2022年度收入决算情况说明\n本年收入合计1.00万元。"
    assert found(text) == [(YEAR_DIFFERS, "2022年")]
    assert found(text, year=None) == []
    assert [k for k, _ in found(text.replace("2022", "2023"))] == []


def test_a_heading_that_compares_years_is_none_of_another() -> None:
    assert found("二、2022年与2023年对比情况说明\n三、2021年至2023年情况说明") == []


def test_topics_are_found_in_any_order_and_spacing() -> None:
    text = "四、机关 运行经费支出情况\n五、政府采\n购支出情况\n六、名词解释"
    assert topics([PageText(1, text)]) == ("agency_running", "procurement", "glossary")


def test_every_kind_is_named_once() -> None:
    assert len(set(kinds())) == len(kinds())


@pytest.mark.parametrize("seed", ["acheng", "beiguan", "lixia", "sanmenxia", "wuerhe"])
def test_real_disclosures_speak_of_everything_and_leave_no_residue(seed: str) -> None:
    paths = sorted((SHARED / "seeds").glob(f"{seed}*.txt"))
    if not paths:
        pytest.skip("the shared seeds are not here")
    pages = read_text_document(paths[0].read_text(encoding="utf-8")).pages
    assert remarks(pages, 2023) == []
    assert {"totals", "three_public", "procurement", "performance"} <= set(topics(pages))
