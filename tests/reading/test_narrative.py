"""Figures of the running text: subjects, measures, and the answer keys of the real seeds."""

from __future__ import annotations

import json
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from disclosures.model import Statement
from disclosures.reading.grids import PageText
from disclosures.reading.narrative import statements
from disclosures.reading.text import split_pages

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


def said(*pages: str) -> list[Statement]:
    return statements([PageText(number, text) for number, text in enumerate(pages, start=1)])


def short(found: list[Statement]) -> list[tuple[str, str, str, str]]:
    return [(s.subject, s.measure, str(s.value), s.unit) for s in found]


CHAPTER = "第三部分 2023年度部门决算情况说明\n"


def test_totals_changes_and_shares() -> None:
    found = said(
        CHAPTER + "一、收入支出决算总体情况说明\n"
        "2023 年度收、支总计均为 1,200.50 万元。与上年度相比，收、支总计各减\n"
        "少 20.00 万元，下 降 1.64%。\n二、收入决算情况说明\n"
        "本年收入合计 1,000.00 万元，其中：财政拨款收入 900.00 万元，\n"
        "占 90.00%；其他收入 100.00 万元，占 10.00％。"
    )
    assert short(found) == [
        ("收支总计", "amount", "1200.50", "万元"),
        ("收支总计", "change_amount", "20.00", "万元"),
        ("收支总计", "change_pct", "1.64", "%"),
        ("本年收入合计", "amount", "1000.00", "万元"),
        ("财政拨款收入", "amount", "900.00", "万元"),
        ("财政拨款收入", "share", "90.00", "%"),
        ("其他收入", "amount", "100.00", "万元"),
        ("其他收入", "share", "10.00", "%"),
    ]
    assert found[1].direction == "减少"
    assert found[1].versus == "上年决算"
    assert found[1].section == "第三部分/一、收入支出决算总体情况说明"
    assert found[1].quote == "与上年度相比，收、支总计各减少20.00万元，下降1.64%。"


def test_an_item_in_a_sentence_or_a_line_of_its_own() -> None:
    found = said(
        CHAPTER + "五、一般公共预算财政拨款支出决算情况说明\n（三）具体情况\n"
        "一般公共预算财政拨款支出年初预算为 9.00 万元，支出决算为 8.00 万元。其中：\n"
        "1．农林水支出（类）水利（款）行政运行（项）。\n主要用于：人员经费。\n"
        "年初预算为 5.00 万元，支出决算为 4.00 万元，完成年初预算的 80.00%。\n"
        "2. 农林水支出(类)水利(款)防汛(项)：支出决算数为 4.00 万元，"
        "比上年决算增加 1.00 万元，增长 33.33%。"
    )
    assert short(found)[2:] == [
        ("项:行政运行", "budget_initial", "5.00", "万元"),
        ("项:行政运行", "amount", "4.00", "万元"),
        ("项:行政运行", "completion", "80.00", "%"),
        ("项:防汛", "amount", "4.00", "万元"),
        ("项:防汛", "change_amount", "1.00", "万元"),
        ("项:防汛", "change_pct", "33.33", "%"),
    ]
    assert found[2].quote.startswith("农林水支出（类）水利（款）行政运行（项）。")


def test_counts_and_what_is_no_figure() -> None:
    found = said(
        CHAPTER + "九、“三公”经费支出决算情况说明\n公务接待费预算为 2.00 万元，"
        "支出决算为 1.00 万元，完成预算的 50.00%。国内公务接待 9 批次，80 人次。\n"
        "1. 12345热线运行良好，单价100万元（含）以上设备 0 台（套），"
        "公务用车保有量为 3 辆，机要通信用车 1 辆。"
    )
    assert short(found) == [
        ("公务接待费", "budget_full", "2.00", "万元"),
        ("公务接待费", "amount", "1.00", "万元"),
        ("公务接待费", "completion", "50.00", "%"),
        ("国内公务接待批次", "count", "9", "批次"),
        ("国内公务接待人次", "count", "80", "人次"),
        ("单价100万元以上设备", "count", "0", "台（套）"),
        ("公务用车保有量", "count", "3", "辆"),
        ("机要通信用车", "count", "1", "辆"),
    ]


def test_a_reason_is_about_something_else() -> None:
    found = said(
        CHAPTER + "三、支出决算情况说明\n基本支出 10.00 万元，比上年减少 2.00 万元，"
        "下降 16.67%，主要原因是：人员净减少 4 人，工资减少 1.50 万元。"
    )
    assert [(s.measure, s.value) for s in found] == [
        ("amount", Decimal("10.00")),
        ("change_amount", Decimal("2.00")),
        ("change_pct", Decimal("16.67")),
        ("count", Decimal("4")),
    ]
    assert found[-1].subject == "人员净减少"


def test_signed_variance_and_budgets() -> None:
    found = said(
        CHAPTER + "七、情况说明\n与全年预算相比，公务接待费全年预算数 19.75 万元，"
        "决算数 1.20 万元，预决算差异率-93.92%，主要原因是节约。"
    )
    assert short(found) == [
        ("公务接待费", "budget_full", "19.75", "万元"),
        ("公务接待费", "amount", "1.20", "万元"),
        ("公务接待费", "variance_pct", "-93.92", "%"),
    ]


def test_pages_of_sentences_and_tables_between() -> None:
    found = said(
        "第二部分 部门决算表\n收入支出决算总表\n单位：万元\n"
        "一、一般公共预算财政拨款收入 9.00 一、一般公共服务支出 9.00\n"
        "30310 个人农业生产补贴 0.00\n",
        CHAPTER + "十、机关运行经费支出情况\n机关运行经费支出 3.00 万元，比",
        "上年增加 1.00 万元，增长 50.00%。政府采购支出总额 2.00 万元。",
    )
    assert [(s.subject, s.measure, s.page) for s in found] == [
        ("机关运行经费", "amount", 2),
        ("机关运行经费", "change_amount", 2),
        ("机关运行经费", "change_pct", 2),
        ("政府采购支出总额", "amount", 3),
    ]


WORDINGS = [
    group
    for name in ("narrative_wordings.yaml", "narrative_provinces.yaml")
    for group in yaml.safe_load(Path(__file__).with_name(name).read_text("utf-8"))
]


@pytest.mark.parametrize(
    ("section", "text", "states"),
    [(one["section"], s["text"], s["states"]) for one in WORDINGS for s in one["said"]],
)
def test_wordings_of_the_provinces(section: str, text: str, states: list[str]) -> None:
    # A sentence without figures alone is no narrative.
    before = "一、收入支出决算总体情况说明\n2023年度收入总计1.00万元。\n"
    found = said(f"{CHAPTER}{before}{section}\n{text}")[1:]
    assert [
        f"{s.subject} {s.measure} {stated(s)}{s.unit}"
        + (f" {s.direction}" if s.direction and s.value is not None else "")
        for s in found
    ] == states


# Measures of the answer keys that a statement has another name for.
RENAMED = {"score_average": "score", "area": "count"}


def key(measure: str, value: str, subject: str, unit: str | None) -> tuple[str, ...]:
    bare = re.sub(r"[\s（）()]", "", f"{subject}|{unit or ''}")
    return RENAMED.get(measure, measure), value.replace(",", ""), bare


def stated(one: Statement) -> str:
    return str(one.value if one.value is not None else one.direction)


@pytest.mark.shared
def test_answer_keys_of_the_seeds() -> None:
    wanted = found = hits = 0
    for name in ("acheng-2023", "sanmenxia-2023", "wuerhe-2023"):
        path = SHARED / "truth" / f"{name}.json"
        if not path.exists():
            pytest.skip("needs the answer keys in ../shared")
        truth = Counter(
            key(fact["measure"], str(fact["value"]), fact["subject"], fact.get("unit"))
            for fact in json.loads(path.read_text(encoding="utf-8"))["facts"]
        )
        text = (SHARED / "seeds" / f"{name}.txt").read_text(encoding="utf-8")
        read = Counter(
            key(s.measure, stated(s), s.subject, s.unit) for s in statements(split_pages(text))
        )
        wanted, found = wanted + truth.total(), found + read.total()
        hits += (truth & read).total()
    assert hits / wanted >= 0.99
    # The keys leave out some comparisons in words and what the notes below the forms say.
    assert hits / found >= 0.97


def test_what_an_item_is_for_is_no_heading() -> None:
    """The line after "主要用于：" says what for, and its figures are still the item's."""
    lines = (
        "第三部分 2023年度部门决算情况说明",
        "五、一般公共预算财政拨款支出决算情况说明",
        "（三）一般公共预算财政拨款支出决算具体情况",
        "1、一般公共服务支出（类）财政事务（款）财政委托业务支出（项）。主要用于：",
        "委托中介机构开展各类审计及绩效评价工作。年初预算为190.00万元，支出决算为186.05万元。",
        "2、一般公共服务支出（类）财政事务（款）一般行政管理事务（项）。主要用于：",
        "业务指导与宣传等基本支出。年初预算为10.00万元。",
    )
    said = statements([PageText(1, "\n".join(lines))])
    assert [s.subject for s in said] == ["项:财政委托业务支出"] * 2 + ["项:一般行政管理事务"]


def test_headings_with_arabic_numbers() -> None:
    """Hunan and Xinjiang count them 1、; the sentence below is no continuation of the heading."""
    found = said(
        "第三部分 2020年度部门决算情况说明\n1、收入决算情况说明\n2020年度收入800.00万元，"
        "比上年增加30.00万元。\n2、支出情况说明\n2020年度，本单位支出为790.00万元。\n"
        "3、一般公共预算财政拨款“三公”经费支出决算情况说明\n（一）总体情况说明\n"
        "支出决算为2.00万元，占100%。\n5、其他重要事项情况说明\n（一）机关运行经费\n"
    )
    assert [(s.section, s.subject, str(s.value)) for s in found] == [
        ("第三部分/1、收入决算情况说明", "本年收入合计", "800.00"),
        ("第三部分/1、收入决算情况说明", "本年收入合计", "30.00"),
        ("第三部分/2、支出情况说明", "本年支出合计", "790.00"),
        ("第三部分/3（一）总体情况说明", "三公经费", "2.00"),
        ("第三部分/3（一）总体情况说明", "三公经费", "100"),
    ]


def test_a_heading_below_one_of_a_fund_is_about_that_fund() -> None:
    found = said(
        CHAPTER + "五、一般公共预算支出决算情况说明\n（一）支出决算情况\n2023年度年初预算为"
        "9.00万元，决算数为8.00万元，其中：基本支出6.00万元。\n八、政府性基金预算收支情况\n（二）支出决算情况\n"
        "支出决算为3.00万元。\n十、其他重要事项\n（一）机关运行经费支出决算情况说明\n"
        "支出决算为1.00万元。\n（二）培训费支出决算情况\n年初预算为0.50万元。"
    )
    assert short(found) == [
        ("一般公共预算财政拨款支出", "budget_initial", "9.00", "万元"),
        ("一般公共预算财政拨款支出", "amount", "8.00", "万元"),
        ("一般公共预算财政拨款基本支出", "amount", "6.00", "万元"),
        ("政府性基金预算财政拨款支出", "amount", "3.00", "万元"),
        ("机关运行经费", "amount", "1.00", "万元"),
        ("培训费", "budget_initial", "0.50", "万元"),
    ]


def test_an_amount_of_neither_side_is_nobodys() -> None:
    found = said(
        CHAPTER + "四、财政拨款收入支出决算总体情况说明\n2023年度财政拨款收、支总计均为9.00万元。\n"
        "2023年预算数8.00万元，决算数7.00万元。\n三、一般公共预算支出情况\n本单位一般公共预算"
        "财政拨款支出总计6.00万元。\n（三）财政拨款收入决算情况\n财政拨款收入总计5.00万元。"
    )
    assert short(found) == [
        ("财政拨款收支总计", "amount", "9.00", "万元"),
        ("一般公共预算财政拨款支出", "amount", "6.00", "万元"),
        ("财政拨款收入", "amount", "5.00", "万元"),
    ]


def test_a_list_shares_its_figures_in_order() -> None:
    found = said(
        CHAPTER + "三、支出决算情况说明\n基本支出、项目支出和经营支出分别为6.00万元、3.00万元和"
        "1.00万元，分别占60.00%、30.00%、10.00%。\n财政拨款收入和其他收入分别增长1%、2%、3%。\n"
        "公务用车购置及运行维护费和公务接待费决算分别为0.70万元、0.30万元。"
    )
    assert [(s.subject, s.measure, str(s.value)) for s in found] == [
        ("基本支出", "amount", "6.00"),
        ("项目支出", "amount", "3.00"),
        ("经营支出", "amount", "1.00"),
        ("基本支出", "share", "60.00"),
        ("项目支出", "share", "30.00"),
        ("经营支出", "share", "10.00"),
        ("公务用车购置及运行维护费", "amount", "0.70"),
        ("公务接待费", "amount", "0.30"),
    ]


def test_changes_within_a_reason_are_no_statements() -> None:
    found = said(
        CHAPTER
        + "二、收入决算情况说明\n本年收入合计9.00万元，较上年减少2.00万元，主要原因是事业收入"
        "减少约1.50万元，基本支出较上年增加0.50万元（净额减少1.00万元）；其中：财政拨款收入"
        "8.00万元，较上年减少0.70万元。"
    )
    assert [(s.subject, s.measure, str(s.value)) for s in found] == [
        ("本年收入合计", "amount", "9.00"),
        ("本年收入合计", "change_amount", "2.00"),
        ("财政拨款收入", "amount", "8.00"),
        ("财政拨款收入", "change_amount", "0.70"),
    ]


def test_what_is_compared_in_words_is_what_the_next_change_is_of() -> None:
    found = said(
        CHAPTER
        + "七、“三公”经费支出决算情况说明\n其中，因公出国支出决算比预算无增减变化，公务用车购置"
        "支出决算比预算无增减变化，公务接待费支出决算比预算无增减变化，比去年增加0.50万元，增长50%。"
    )
    assert [(s.subject, s.measure, s.versus) for s in found] == [
        ("因公出国（境）费", "compare", "全年预算"),
        ("公务用车购置费", "compare", "全年预算"),
        ("公务接待费", "compare", "全年预算"),
        ("公务接待费", "change_amount", "上年决算"),
        ("公务接待费", "change_pct", "上年决算"),
    ]


def test_counts_in_parentheses_are_of_what_is_named_there() -> None:
    found = said(
        CHAPTER
        + "七、“三公”经费支出决算情况说明\n国内公务接待共139批次（其中外事接待1批次），1205人次"
        "（其中外事接待7人次）。"
    )
    assert short(found) == [
        ("国内公务接待批次", "count", "139", "批次"),
        ("外事接待批次", "count", "1", "批次"),
        ("国内公务接待人次", "count", "1205", "人次"),
        ("外事接待人次", "count", "7", "人次"),
    ]


def test_an_item_in_unknown_words_is_not_the_section() -> None:
    """What follows a heading that is not understood is about nothing that is known."""
    found = said(
        CHAPTER + "五、一般公共预算财政拨款支出决算情况说明\n1.教育支出-205甲乙-02丙丁。\n"
        "年初预算为9.00万元，支出决算为8.00万元，完成年初预算的88.89%。\n"
        "2.甲乙——丙丁——（戊己）庚辛壬癸甲乙丙丁戊己庚辛壬癸：支出决算为7.00万元。"
    )
    assert "一般公共预算财政拨款支出" not in {s.subject for s in found}
