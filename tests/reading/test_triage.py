"""What a document is and whose, by its words."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from disclosures.amounts import MoneyUnit
from disclosures.model import DocumentKind
from disclosures.reading.grids import PageText
from disclosures.reading.text import split_pages
from disclosures.reading.triage import classify

SHARED = Path(__file__).resolve().parents[2].parent / "shared"

ACCOUNTS = """某某市水务局
2022 年 度 部 门 决 算
目 录
第一部分 某某市水务局概况
第二部分 2022年度部门决算表
一、收入支出决算总表
二、收入决算表
三、支出决算表
四、财政拨款收入支出决算总表
第三部分 2022年度部门决算情况说明
一、收入支出决算总体情况说明
支出决算为 12.00 万元，完成年初预算的 96.00%。
"""


def test_final_accounts() -> None:
    triage = classify([PageText(1, ACCOUNTS), PageText(2, "部门：某某市水务局 单位：元")])
    assert triage.kind is DocumentKind.FINAL_ACCOUNTS
    assert (triage.agency, triage.year, triage.unit) == ("某某市水务局", 2022, MoneyUnit.YUAN)
    assert triage.title == "某某市水务局2022年度部门决算"
    assert "第三部分 2022年度部门决算情况说明" in triage.sections
    assert "一、收入支出决算总体情况说明" in triage.sections


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("某某局2024年部门预算\n一、收支预算总表\n二、收入预算总表\n三、支出预算总表\n", "budget"),
        (
            "项目支出绩效自评表\n一级指标 二级指标 三级指标 年度指标值\n"
            "实际完成值 绩效指标得分说明\n",
            "performance",
        ),
        (
            "关于做好2023年度部门决算公开工作的通知\n"
            "各部门：请公开收入支出决算总表、收入决算表、支出决算表。",
            "other",
        ),
        (
            "某某市2023年财政决算报告\n一般公共预算收入总计与支出总计平衡，请审议。财政决算说明如下。",
            "other",
        ),
        ("某某市2026年中药饮片目录\n序号 项目名称 项目编码 最高付费标准 是否纳入集采\n", "other"),
        ("\n \n", "unreadable"),
    ],
)
def test_other_kinds_have_a_reason(text: str, kind: str) -> None:
    triage = classify([PageText(1, text)])
    assert triage.kind == kind
    assert triage.reason


def test_names_and_years_in_every_place() -> None:
    body = ACCOUNTS.partition("目 录")[2]
    assert (
        classify([PageText(1, "二〇二一年度部门决算\n" + body.replace("2022", "2021"))]).year
        == 2021
    )
    sentence = (
        body.replace("第一部分 某某市水务局概况", "") + "某某市水务局2022年度总收入12.00万元。"
    )
    assert classify([PageText(1, sentence)]).agency == "某某市水务局"
    label = body.replace("某某市水务局", "") + "\n部门： 某某县教育体育局（本级） 单位：万元\n"
    assert classify([PageText(1, label)]).agency == "某某县教育体育局（本级）"


@pytest.mark.parametrize(
    ("text", "agency"),
    [
        ("某某市水务局（汇总）\n2026年部门预算公开说明\n目录", "某某市水务局（汇总）"),
        ("【水务局】某某市水务局2026年部门预算\n1.某某市河道管理处2026年单位预算", "某某市水务局"),
        (
            "某某市水务局及局属单位2026年部门预算\n（一）某某市水务局（本级）2026年单位预算\n"
            "（二）某某市河道管理处2026年单位预算\n（三）某某市水利工程建设管理中心2026年单位预算",
            "某某市水务局",
        ),
        (
            "预算01表 收支总表\n金额单位：万元\n预算12表 部门整体支出绩效目标表\n"
            "（2026年度） 部门名称 某某市水务局 总体资金情况（万元）",
            "某某市水务局",
        ),
    ],
)
def test_who_publishes(text: str, agency: str) -> None:
    assert classify([PageText(1, text)]).agency == agency


def test_a_blank_template_has_no_agency() -> None:
    assert classify([PageText(1, ACCOUNTS.replace("某某市水务局", "上海市XX局"))]).agency is None


OPENINGS = yaml.safe_load(Path(__file__).with_name("triage_openings.yaml").read_text("utf-8"))
FORMS = (
    "目录\n第二部分 部门决算表\n一、收入支出决算总表\n二、收入决算表\n三、支出决算表\n"
    "四、财政拨款收入支出决算总表\n五、一般公共预算财政拨款支出决算表\n"
)
SAID = (
    "第三部分 决算情况说明\n一、收入支出决算总体情况说明\n收、支总计均为10.00万元。"
    "支出决算为8.00万元，完成年初预算的80.00%。\n"
)


@pytest.mark.parametrize(("opening", "agency", "year"), OPENINGS["accounts"])
def test_whose_final_accounts(opening: str, agency: str | None, year: int) -> None:
    triage = classify([PageText(1, f"{opening}\n{FORMS}{SAID}")])
    assert (triage.kind.value, triage.agency, triage.year) == ("final_accounts", agency, year)


@pytest.mark.parametrize(("text", "kind"), OPENINGS["others"])
def test_what_is_no_final_accounts_of_a_department(text: str, kind: str) -> None:
    triage = classify([PageText(1, text)])
    assert triage.kind.value == kind
    assert triage.reason


def test_a_part_of_the_accounts_may_head_the_whole() -> None:
    heading = "某某局2019年“三公”经费决算情况\n"
    assert classify([PageText(1, heading + FORMS + SAID)]).kind is DocumentKind.FINAL_ACCOUNTS


def test_a_finance_bureau_that_makes_the_accounts_of_its_city_has_its_own() -> None:
    duties = "负责编制全市决算草案报告，管理政府债务余额，编制社会保险基金决算。\n"
    triage = classify([PageText(1, "某某市财政局2022年度部门决算\n" + duties + FORMS + SAID)])
    assert (triage.kind.value, triage.agency) == ("final_accounts", "某某市财政局")


def test_a_wrapped_title_is_read_to_its_end() -> None:
    lines = "某某区管委会2019年度一般公共预算财政", "拨款“三公”经费支出决算情况说明"
    page = "\n".join((*lines, "经费支出决算为6.28万元。"))
    assert classify([PageText(1, page)]).title == "".join(lines)


@pytest.mark.shared
@pytest.mark.parametrize(("folder", "kind"), [("final", "final_accounts"), ("budget", "budget")])
def test_real_documents(folder: str, kind: str) -> None:
    paths = sorted((SHARED / "real" / folder).glob("*.pdf"))
    if not paths:
        pytest.skip("needs the real documents in ../shared")
    assert {path.name: classify(pdf_pages(path)).kind.value for path in paths} == {
        path.name: kind for path in paths
    }


@pytest.mark.shared
def test_real_documents_of_other_kinds() -> None:
    folder = SHARED / "real" / "other"
    if not folder.exists():
        pytest.skip("needs the real documents in ../shared")
    assert classify(pdf_pages(folder / "performance-targets-guangzhou.pdf")).kind == "performance"
    assert classify(pdf_pages(folder / "unrelated-price-list.pdf")).kind == "other"
    assert classify(pdf_pages(folder / "unrelated-report.pdf")).kind == "other"
    assert classify(pdf_pages(folder / "scan-unrelated-changsha.pdf")).kind == "unreadable"


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "agency"),
    [
        ("acheng-2023", "哈尔滨市阿城区人民政府办公室"),
        ("beiguan-2023", "安阳市北关区便民服务中心"),
        ("lixia-2023", "济南市历下区人民政府办公室"),
        ("sanmenxia-2023", "三门峡市人民政府办公室"),
        ("wuerhe-2023", "克拉玛依市乌尔禾区人民政府办公室"),
    ],
)
def test_whose_the_seeds_are(name: str, agency: str) -> None:
    path = SHARED / "seeds" / f"{name}.txt"
    if not path.exists():
        pytest.skip("needs the seed texts in ../shared")
    triage = classify(split_pages(path.read_text(encoding="utf-8")))
    assert (triage.kind, triage.agency, triage.year) == ("final_accounts", agency, 2023)


def pdf_pages(path: Path) -> list[PageText]:
    pypdfium2 = pytest.importorskip("pypdfium2")
    document = pypdfium2.PdfDocument(path)
    try:
        return [
            PageText(number, page.get_textpage().get_text_bounded().replace("\r\n", "\n"))
            for number, page in enumerate(document, start=1)
        ]
    finally:
        document.close()
