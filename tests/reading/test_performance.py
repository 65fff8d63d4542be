"""Performance self-evaluation forms: made-up layouts of several provinces, and the seeds."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from disclosures.model import DocumentKind, PerformanceFact
from disclosures.reading import read_document
from disclosures.reading.grids import Grid, GridCell, PageText
from disclosures.reading.performance import figure, read_performance, title_of
from disclosures.reading.performance_text import read_performance_text
from disclosures.rendering import load_figures, render_to

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
FIGURES = ROOT / "connectors" / "replica" / "figures"

Key = tuple[str, str, str]


def grid(rows: str, page: int | None = 1) -> Grid:
    """A grid of lines with | between cells."""
    lines = [line.strip() for line in rows.strip().splitlines()]
    cells = tuple(tuple(GridCell(c.strip()) for c in line.split("|")) for line in lines)
    return Grid("test", page, cells)


def read(*grids: Grid, text: str = "") -> tuple[dict[Key, PerformanceFact], tuple[str, ...]]:
    """Facts by project, indicator and measure, each once; and the notes."""
    result = read_performance(grids, [PageText(g.page, text) for g in grids])
    return by_key(result.facts), result.notes


def by_key(facts: Iterable[PerformanceFact]) -> dict[Key, PerformanceFact]:
    found: dict[Key, PerformanceFact] = {}
    for fact in facts:
        key = (fact.project, fact.indicator, fact.measure)
        assert key not in found, key
        found[key] = fact
    return found


def value(facts: dict[Key, PerformanceFact], indicator: str, measure: str) -> Decimal | None:
    found = [f for (_, i, m), f in facts.items() if (i, m) == (indicator, measure)]
    assert len(found) == 1, (indicator, measure, found)
    return found[0].value


STANDARD = """
    项目支出绩效自评表|||||||||
    项目名称||河道清淤专项|||||||
    主管部门||某区水务局|||实施单位||河道管理所||
    项目资金（万元）|||年初预算数|全年预算数|全年执行数|分值|执行率|得分|
    |年度资金总额：||120.00|100.00|90.00|10|90.00%|9.00|
    |其中：当年财政拨款||120.00|100.00|90.00|—|90.00%|—|
    |上年结转资金||||||||
    年度总体目标|预期目标||||实际完成情况||||
    |清淤12公里||||已完成11公里||||
    绩效指标|一级指标|二级指标|三级指标|年度指标值|实际完成值|分值|得分|偏差原因分析及改进措施|
    |产出指标（50分）|数量指标|清淤长度|≥12公里|11公里|30|27.5|雨季停工|
    |||闸门检修|=8座|8座|20|20||
    |效益指标|社会效益指标|防洪能力|明显提高|明显提高|30|30||
    |满意度指标|服务对象满意度指标|沿岸居民满意度|≥90%|92%|10|10||
    总分||||||100|96.50||
"""


def test_standard_form() -> None:
    facts, notes = read(grid(STANDARD))
    assert not notes
    assert {fact.table for fact in facts.values()} == {"project"}
    assert {project for project, _, _ in facts} == {"河道清淤专项"}
    assert value(facts, "年度资金总额", "budget_initial") == Decimal("120.00")
    assert value(facts, "年度资金总额", "budget_full_year") == Decimal("100.00")
    assert value(facts, "其中：当年财政拨款", "executed") == Decimal("90.00")
    rate = facts["河道清淤专项", "年度资金总额", "rate"]
    assert (rate.value, rate.unit) == (Decimal("90.00"), "%")
    amount = facts["河道清淤专项", "年度资金总额", "executed"]
    assert (amount.unit, amount.page) == ("万元", 1)
    target = facts["河道清淤专项", "清淤长度", "target"]
    assert (target.text, target.value, target.unit) == ("≥12公里", Decimal(12), "公里")
    assert value(facts, "清淤长度", "score") == Decimal("27.5")
    assert facts["河道清淤专项", "防洪能力", "actual"].value is None
    assert value(facts, "总分", "weight") == 100
    assert value(facts, "总分", "total") == Decimal("96.50")


def test_blank_and_dash_are_no_figures() -> None:
    facts, _ = read(grid(STANDARD))
    blank = facts["河道清淤专项", "上年结转资金", "executed"]
    assert (blank.value, blank.text) == (None, "")
    assert ("河道清淤专项", "其中：当年财政拨款", "weight") not in facts


def test_goals_are_not_indicators() -> None:
    facts, _ = read(grid(STANDARD))
    assert not [indicator for _, indicator, _ in facts if "清淤12" in indicator]


def test_sign_value_and_unit_in_columns() -> None:
    facts, notes = read(
        grid("""
        部门预算项目支出绩效自评表（2023年度）|||||||||
        项目名称|51000023T000-执法装备购置||||||||
        预算执行情况（10分）|年度预算数（万元）|年初预算|调整后预算数|预算执行数|预算执行率|权重|得分|原因|
        |总额|0.00|33.60|33.60|100.00%|10|10|不适用|
        |其中：财政资金|0.00|33.60|33.60|100.00%|/|/||
        |单位资金|0.00|0.00|0.00|0.00%|/|/||
        绩效指标（90分）|一级指标|二级指标|三级指标|指标性质|指标值|度量单位|完成值|权重|得分
        |产出指标|数量指标|购置记录仪|≥|20|台|20|45|45
        ||质量指标|验收合格|定性|优||优|45|40
        合计||||||||100|95
        """)
    )
    assert not notes
    project = "51000023T000-执法装备购置"
    target = facts[project, "购置记录仪", "target"]
    assert (target.text, target.value, target.unit) == ("≥20台", Decimal(20), "台")
    actual = facts[project, "购置记录仪", "actual"]
    assert (actual.text, actual.value, actual.unit) == ("20", Decimal(20), "台")
    assert facts[project, "验收合格", "target"].text == "优"
    assert value(facts, "总额", "score") == 10
    assert value(facts, "合计", "total") == 95
    assert value(facts, "其中：财政资金", "budget_full_year") == Decimal("33.60")


def test_headings_of_two_rows() -> None:
    facts, notes = read(
        grid("""
        项目名称|边境巡护经费|||||||||
        项目资金（万元）|||年初预算数|全年预算数|全年执行数|分值|执行率|得分||
        |年度资金总额||50|50|50|10|100%|10||
        项目支出绩效指标|||年度指标值|||实际完成值|分值|得分|偏差原因分析及改进措施|
        一级指标|二级指标|三级指标|指标性质|指标值|度量单位|||||
        产出指标|数量指标|巡护里程|＞＝|300|公里|310公里|50|50||
        满意度指标|满意度指标|村民满意度|＞＝|90|%|95%|40|40||
        总分|||||||100|100||
        """)
    )
    assert not notes
    assert facts["边境巡护经费", "巡护里程", "target"].value == 300
    assert facts["边境巡护经费", "巡护里程", "actual"].text == "310公里"
    assert value(facts, "村民满意度", "score") == 40


def test_without_weights() -> None:
    facts, notes = read(
        grid("""
        单位名称|某县档案馆||||||
        预算执行情况（万元）（20分）||预算数（A）|执行数（B）|执行率（B/A）|得分（20分*执行率）||
        |年度财政资金总额|80|60|75.00%|15||
        年度目标1（80分）|一级指标|二级指标|三级指标|年初目标值（A）|实际完成值（B）|得分|
        |产出指标|数量指标|整理档案|5000卷|4000卷|32|
        |效益指标|社会效益指标|查档服务|提升|提升|40|
        总分||||||87|
        """),
        text="某县档案馆整体支出绩效自评表",
    )
    assert not notes
    assert {fact.table for fact in facts.values()} == {"unit"}
    assert value(facts, "年度财政资金总额", "budget_full_year") == 80
    assert value(facts, "年度财政资金总额", "score") == 15
    assert facts["某县档案馆", "整理档案", "score"].value == 32
    assert ("某县档案馆", "整理档案", "weight") not in facts
    assert value(facts, "总分", "total") == 87


@pytest.mark.parametrize(
    "row",
    [
        "|产出指标|时效指标|补助发放时间|≤5天|3天|8|7.5|晚到账||",
        "产出指标|时效指标|补助发放时间|≤5天|3天|8|7.5|晚到账||",
        "|时效指标|补助发放时间|≤5天|3天|8|7.5|晚到账|||",
        "|补助发放时间|≤5天|3天|8|7.5|晚到账||||",
        "||||补助发放时间|≤5天|3天|8|7.5|晚到账",
    ],
)
def test_rows_that_slipped_sideways(row: str) -> None:
    facts, notes = read(
        grid(f"""
        项目名称||惠农补助|||||||
        |一级指标|二级指标|三级指标|年度指标值|实际完成值|分值|得分|备注|
        |产出指标|数量指标|补助户数|≥50户|52户|10|10||
        {row}
        """)
    )
    assert not notes
    cells = {m: f.text for (_, i, m), f in facts.items() if i == "补助发放时间"}
    assert cells == {"target": "≤5天", "actual": "3天", "weight": "8", "score": "7.5"}


def test_row_that_fits_nowhere_is_not_read() -> None:
    facts, notes = read(
        grid("""
        项目名称||惠农补助||||||
        |一级指标|二级指标|三级指标|年度指标值|实际完成值|分值|得分|备注
        |产出指标|数量指标|补助户数|≥50户|52户|10|10|
        |3|7|9|11|13|15|17|19
        """)
    )
    assert len(facts) == 4
    assert len(notes) == 1
    assert "3 7 9" in notes[0]


def test_funds_without_headings_need_the_rate() -> None:
    facts, _ = read(
        grid("""
        部门（单位）名称||某市档案局|||||
        部门整体支出情况|部门预算总额（万元）|400.00|500.00|450.00|10|90.00|9.00
        |资金来源：（1）政府预算资金|400.00|480.00|432.00|-|90.00|-
        |（2）单位资金|0|20.00|18.00|-|90.00|-
        """)
    )
    assert value(facts, "部门预算总额", "budget_initial") == 400
    assert value(facts, "部门预算总额", "weight") == 10
    assert facts["某市档案局", "部门预算总额", "rate"].unit == "%"
    assert value(facts, "（1）政府预算资金", "executed") == 432
    facts, notes = read(
        grid("""
        部门（单位）名称||某市档案局|||||
        |部门预算总额（万元）|400.00|500.00|450.00|10|47.00|9.00
        """)
    )
    assert not facts
    assert len(notes) == 1


def test_form_over_two_pages() -> None:
    first = grid("""
        项目名称||道路养护||||||
        |一级指标|二级指标|三级指标|年度指标值|实际完成值|分值|得分|备注
        |产出指标|数量指标|养护里程|≥100公里|100公里|40|40|
        |效益指标|社会效益指标|群众出行便利|有所|有所|30|28|
    """)
    second = grid(
        """
        |||程度|改善|改善|||
        |一级指标|二级指标|三级指标|年度指标值|实际完成值|分值|得分|备注
        |满意度指标|满意度指标|群众满意度|≥90%|93%|20|20|
        总分||||||90|88|
        """,
        page=2,
    )
    facts, notes = read(first, second)
    assert not notes
    assert facts["道路养护", "群众出行便利程度", "target"].text == "有所改善"
    assert facts["道路养护", "群众满意度", "score"].page == 2
    assert value(facts, "总分", "total") == 88


def test_form_does_not_go_on_behind_other_pages() -> None:
    first = grid("""
        项目名称||道路养护||||||
        |一级指标|二级指标|三级指标|年度指标值|实际完成值|分值|得分|备注
        |产出指标|数量指标|养护里程|≥100公里|100公里|40|40|
    """)
    other = grid("|产出指标|数量指标|别的里程|≥1公里|1公里|40|40|", page=5)
    facts, _ = read(first, other)
    assert {indicator for _, indicator, _ in facts} == {"养护里程"}


def test_one_number_in_the_total() -> None:
    form = """
        项目名称||测绘经费||||||
        |一级指标|二级指标|三级指标|年度指标值|实际完成值|分值|得分|备注
        |产出指标|数量指标|测绘面积|≥100亩|100亩|60|50|
        |效益指标|社会效益指标|图件可用|可用|可用|40|40|
        总分|{}|||||||
    """
    facts, _ = read(grid(form.format("90")))
    assert value(facts, "总分", "total") == 90
    assert ("测绘经费", "总分", "weight") not in facts
    facts, _ = read(grid(form.format("100")))
    assert value(facts, "总分", "weight") == 100
    assert ("测绘经费", "总分", "total") not in facts


def test_shares_as_weights_amounts_with_units_and_subtotals() -> None:
    facts, notes = read(
        grid("""
        项目名称||古树保护||||||
        资金情况||年初预算数|全年预算数|全年执行数|执行率|||
        |年度资金总额|30万元|30万元|24万元|80%|||
        |一级指标|二级指标|三级指标|年度指标值|实际完成值|权重|得分|备注
        |产出指标|数量指标|复壮古树|≥10株|10株|60%|60|
        ||小计||||60%|60|
        |效益指标|生态效益指标|树势改善|改善|改善|40%|38|
        总分||||||100%|98|
        """)
    )
    assert not notes
    assert facts["古树保护", "年度资金总额", "executed"].value == 24
    assert facts["古树保护", "年度资金总额", "executed"].unit == "万元"
    weight = facts["古树保护", "复壮古树", "weight"]
    assert (weight.value, weight.unit) == (Decimal(60), "%")
    assert not [indicator for _, indicator, _ in facts if "小计" in indicator]


def test_weight_of_merged_rows_stands_with_the_first() -> None:
    facts, notes = read(
        grid("""
        项目名称||图书采购||||||
        |一级指标|二级指标|三级指标|年度指标值|实际完成值|分值|得分|备注
        |产出指标|数量指标|采购图书|≥500册|520册|50|50|
        |||上架图书|≥500册|480册|||
        |效益指标|社会效益指标|读者借阅|增加|增加|50|45|
        """)
    )
    assert not notes
    assert facts["图书采购", "上架图书", "actual"].value == 480
    assert facts["图书采购", "上架图书", "weight"].value is None
    assert facts["图书采购", "读者借阅", "score"].value == 45


def test_a_document_of_one_form_only(tmp_path: Path) -> None:
    path = tmp_path / "form.txt"
    path.write_text(STANDARD.replace("|", "\t"), encoding="utf-8")
    reading = read_document(path)
    assert reading.kind is DocumentKind.PERFORMANCE
    assert value(by_key(reading.performance), "总分", "total") == Decimal("96.50")


def test_same_name_twice_is_told_apart() -> None:
    facts, _ = read(
        grid("""
        项目名称||培训经费||||||
        |一级指标|二级指标|三级指标|年度指标值|实际完成值|分值|得分|备注
        |产出指标|数量指标|指标1|5期|5期|30|30|
        ||质量指标|指标1|合格|合格|30|30|
        """)
    )
    assert {i for _, i, _ in facts} == {"数量指标：指标1", "质量指标：指标1"}


def test_lists_of_projects() -> None:
    facts, notes = read(
        grid("""
        2023年度项目支出绩效自评情况汇总表||||||
        单位：万元||||||
        序号|项目名称|资金情况|||自评得分|自评等级
        ||年初预算数|全年预算数|全年执行数||
        1|2023年培训费|-|12.50|10.00|96.50|优
        2|12345热线|1,234.50|1,200.00|1,200.00|100|优
        """)
    )
    assert not notes
    assert {fact.table for fact in facts.values()} == {"summary"}
    assert facts["2023年培训费", "年初预算数", "budget_initial"].value is None
    assert facts["12345热线", "年初预算数", "budget_initial"].value == Decimal("1234.50")
    assert facts["12345热线", "全年执行数", "executed"].unit == "万元"
    assert facts["2023年培训费", "自评得分", "score"].value == Decimal("96.50")


@pytest.mark.parametrize(
    "table",
    [
        # A list of projects that evaluates nothing.
        "项目名称|年初预算数|全年执行数\n修路|10.00|9.00",
        # One of the nine forms.
        "科目编码|科目名称|合计|基本支出|项目支出\n201|一般公共服务支出|12.00|10.00|2.00",
        # Targets of a budget.
        "一级指标|二级指标|三级指标|指标值\n产出指标|数量指标|修路里程|≥10公里",
        # A plan of purchases.
        "采购品目|专项名称|经济科目|采购物品|组织形式|数量|总计\n合计||||||3096.24",
    ],
)
def test_other_tables_are_left_alone(table: str) -> None:
    facts, notes = read(grid(table))
    assert not facts
    assert not notes


def test_form_without_a_name_is_noted() -> None:
    facts, notes = read(
        grid("""
        一级指标|二级指标|三级指标|年度指标值|实际完成值|分值|得分
        产出指标|数量指标|修路里程|≥10公里|10公里|50|50
        """)
    )
    assert not facts
    assert len(notes) == 1


def test_name_above_the_table() -> None:
    facts, _ = read(
        grid("""
        一级指标|二级指标|三级指标|年度指标值|实际完成值|分值|得分
        产出指标|数量指标|修路里程|≥10公里|10公里|50|50
        """),
        text="项目支出绩效自评表\n项目名称：农村公路\n",
    )
    assert {project for project, _, _ in facts} == {"农村公路"}


@pytest.mark.parametrize(
    ("text", "expected", "unit"),
    [
        ("≥95%", "95", "%"),
        ("<=21 万元", "21", "万元"),
        ("10.00 分", "10.00", "分"),
        ("≤2251.50万元", "2251.50", "万元"),
        ("１，２００．５０", "1200.50", None),
        ("=366 次", "366", "次"),
        ("-100.00", "-100.00", None),
        ("3年", "3", "年"),
        ("2023年9月前", None, None),
        ("2023年底前", None, None),
        ("12月底", None, None),
        ("90%-95%", None, None),
        ("有效提高", None, None),
        ("", None, None),
    ],
)
def test_figures(text: str, expected: str | None, unit: str | None) -> None:
    assert figure(text) == (None if expected is None else Decimal(expected), unit)


@pytest.mark.parametrize(
    ("line", "table"),
    [
        ("项目支出绩效自评表", "project"),
        ("## 项目支出绩效自评表 (2023年度)", "project"),
        ("附件2：2023年度部门整体支出绩效自评表", "unit"),
        ("部门(单位)整体绩效自评表", "unit"),
        ("项目单位自评汇总表", "summary"),
        ("项目支出绩效自评表 …………… 23", None),
        ("本部门填报了项目支出绩效自评表。", None),
        ("收入支出决算总表", None),
    ],
)
def test_titles(line: str, table: str | None) -> None:
    assert title_of(line) == table


FLATTENED = """
项目支出绩效自评情况表
（2023 年度）
项目名称 智慧大厅设备采购
主管部门 某区数据局 实施单位 某区便民中心
项目资金
（万元）
年初预算
数
全年预算
数
全年执行数（B） 分值
执行率
（B/A）
得分
年度资金总额 80 40 30 10 75.00 % 7.50
财政拨款 80 40 30 — 75.00 % —
单位资金 — —
年度总体目标
预期目标 全年实际完成情况
采购 112 套设备 完成
一级指标 二级指标 三级指标 年度指标
值
实际完成值 分值 得分 偏差度
偏差原因分析及改进措
施
产出
指标
数量指标 设备采购数量 =112 套 112 套 10 10 0.00
质量
指标
指标 1：设备合
格率
≥95% 100% 20 20 0.00
时效指标
采购完成
时间
2023 年
9 月前
60% 20 12 -40.00 资金紧张。
效益指标
社会效益指标
办事更方便
的程度
90% 40 40 0.00
总分 100 89.5
第三部分 决算情况说明
"""


def test_cells_run_together() -> None:
    result = read_performance_text([PageText(None, FLATTENED)])
    facts = by_key(result.facts)
    assert {project for project, _, _ in facts} == {"智慧大厅设备采购"}
    assert value(facts, "年度资金总额", "executed") == 30
    assert value(facts, "财政拨款", "rate") == 75
    shown = {(i, m): f.text for (_, i, m), f in facts.items() if m in ("target", "actual", "score")}
    assert shown["设备采购数量", "target"] == "=112套"
    assert shown["设备采购数量", "actual"] == "112套"
    assert shown["指标1：设备合格率", "score"] == "20"
    assert shown["采购完成时间", "target"] == "2023年9月前"
    assert shown["采购完成时间", "actual"] == "60%"
    assert value(facts, "总分", "total") == Decimal("89.5")


def test_one_value_where_two_belong_is_left_out() -> None:
    result = read_performance_text([PageText(None, FLATTENED)])
    facts = by_key(result.facts)
    name = "办事更方便的程度"
    assert {m for _, i, m in facts if i == name} == {"weight", "score"}
    assert [note for note in result.notes if name in note]


def test_contents_and_narrative_are_no_forms() -> None:
    text = (
        "目录\n项目支出绩效自评表\n整体支出绩效自评表\n第一部分 概况\n"
        "项目全年预算数10万元，全年执行数9万元，预算执行率90%，自评得分95分。\n"
    )
    result = read_performance_text([PageText(None, text)])
    assert not result.facts
    assert not result.notes


# --- whole documents --------------------------------------------------------------------------


def printed_figures(name: str) -> dict[tuple[str, str, str, str], str]:
    """Figures of a disclosure's self-evaluation forms as they were put into the rendering."""
    performance = load_figures(FIGURES / f"{name}.yaml").performance
    printed: dict[tuple[str, str, str, str], str] = {}
    for form in performance.evaluations:
        about = (form.kind, form.project.replace(" ", ""))
        for fund in form.funds:
            for attribute, measure in FUNDS.items():
                text = str(getattr(fund, attribute))
                if text not in ("", "-", "—"):
                    printed[*about, fund.source, measure] = text
        for one in form.indicators:
            for measure in ("target", "actual", "weight", "score"):
                if text := str(getattr(one, measure)):
                    printed[*about, one.level3, measure] = text
        if form.total_weight:
            printed[*about, "总分", "weight"] = str(form.total_weight)
        if form.total_score:
            printed[*about, "总分", "total"] = str(form.total_score)
    return printed


FUNDS = {
    "initial": "budget_initial",
    "full": "budget_full_year",
    "executed": "executed",
    "weight": "weight",
    "rate": "rate",
    "score": "score",
}


@pytest.mark.parametrize("suffix", ["pdf", "docx", "xlsx", "html"])
@pytest.mark.parametrize("name", ["wuerhe-2023", "beiguan-2023"])
def test_rendered_documents(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"disclosure.{suffix}"
    render_to(path, load_figures(FIGURES / f"{name}.yaml"), "shandong")
    reading = read_document(path)
    read_figures = {
        (f.table, f.project, f.indicator, f.measure): f.text for f in reading.performance
    }
    printed = printed_figures(name)
    assert printed

    # A workbook shows every number with the decimals of its cells' format.
    def shown(text: str) -> object:
        number = figure(text) if suffix == "xlsx" else (None, None)
        return text if number[0] is None else number

    assert {key: shown(read_figures[key]) for key in printed} == {
        key: shown(text) for key, text in printed.items()
    }
    # Besides them only blanks, and the rows of lists.
    more = [key for key in read_figures if key not in printed and read_figures[key]]
    assert not [key for key in more if key[0] != "summary"]
    if suffix == "pdf":
        assert all(fact.page for fact in reading.performance)


def seed(name: str) -> Path:
    found = sorted((SHARED / "seeds").glob(f"{name}*.txt"))
    if not found:
        pytest.skip(f"{name} is not among the shared seeds")
    return found[0]


def squeezed(text: str) -> str:
    return "".join(text.split()).removesuffix("分")


@pytest.mark.shared
@pytest.mark.parametrize("name", ["wuerhe", "sanmenxia"])
def test_seeds_with_a_key(name: str) -> None:
    key_file = SHARED / "truth" / f"{name}-2023.json"
    if not key_file.exists():
        pytest.skip("no answer key")
    key = json.loads(key_file.read_text(encoding="utf-8"))
    facts = read_document(seed(name)).performance
    found: dict[tuple[str, str, str], str] = {}
    for fact in facts:
        project = "" if fact.table == "unit" else fact.project
        indicator = fact.measure if fact.table == "summary" else fact.indicator
        if not (fact.table == "summary" and "得分率" in fact.indicator):
            found.setdefault((project, indicator, fact.measure), squeezed(fact.text))
    expected = dict(expected_figures(key["performance"]))
    assert len(expected) >= 148
    assert {where: found.get(where) for where in expected} == expected


def expected_figures(forms: Sequence[Any]) -> Iterable[tuple[tuple[str, str, str], str]]:
    for form in forms:
        project = form.get("project") or ""
        for row in form.get("rows", ()):
            shown = {"budget_full_year": "full", "executed": "executed", "rate": "rate"}
            for measure, column in {**shown, "score": "score"}.items():
                yield (row["project"], measure, measure), row[column]
        for fund in form.get("funds", ()):
            for column, measure in FUNDS.items():
                if fund[column]:
                    yield (project, fund["item"], measure), fund[column]
        for one in form.get("indicators", ()):
            for measure in ("target", "actual", "weight", "score"):
                yield (project, one["level3"], measure), squeezed(one[measure])
        if form.get("total_weight"):
            yield (project, "总分", "weight"), form["total_weight"]
        if form.get("total_score"):
            yield (project, "总分", "total"), form["total_score"]


def sums(facts: Iterable[PerformanceFact], table: str) -> dict[str, dict[str, Decimal]]:
    """Weights and scores of a form's rows, and its printed totals."""
    found: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for fact in facts:
        if fact.table == table and fact.value is not None:
            label = fact.measure if fact.indicator != "总分" else f"printed {fact.measure}"
            found[fact.project][label] += fact.value
    return found


@pytest.mark.shared
def test_seed_whose_forms_add_up() -> None:
    reading = read_document(seed("lixia"))
    projects = sums(reading.performance, "project")
    assert len(projects) == 6
    for found in projects.values():
        assert found["weight"] == 100
        assert found["score"] == found["printed total"]
    summary = {f.project: f for f in reading.performance if f.indicator == "评价得分"}
    assert len(summary) == 14
    # The two lists print different scores for one project; both stand as printed.
    listed = {f.project: f.value for f in reading.performance if f.indicator == "自评得分"}
    assert listed["因公出国经费"] == Decimal("92.68")
    assert summary["因公出国经费"].value == Decimal("92.98")


@pytest.mark.shared
def test_seed_whose_cells_have_run_together() -> None:
    reading = read_document(seed("beiguan"))
    unit = sums(reading.performance, "unit")["安阳市北关区便民服务中心"]
    assert unit["weight"] == unit["printed weight"] == 100
    # Printed so: the scores of the rows do not add to their total.
    assert (unit["score"], unit["printed total"]) == (Decimal("97.95"), Decimal("96.56"))
    projects = sums(reading.performance, "project")
    assert {name: found["weight"] for name, found in projects.items()} == {
        "采购政务服务自动化设备项目": 105,
        "政务协同办公平台建设": 100,
    }
    rows = {f.indicator for f in reading.performance if f.measure == "weight"}
    assert {"年度履职目标相关性", "指标2：设备购置总成本", "间接服务对象满意度"} <= rows
