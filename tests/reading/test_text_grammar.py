"""Disclosures as text: TAB-separated, flattened, and the real seeds cell by cell."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import pytest

from disclosures.amounts import CellState, parse_amount
from disclosures.forms import expense_classes
from disclosures.model import Fact, FormReading
from disclosures.reading.grammar import read_flattened
from disclosures.reading.grids import PageText
from disclosures.reading.text import decode, read_text, read_text_document, split_pages

SHARED = Path(__file__).resolve().parents[2].parent / "shared"

Cells = dict[tuple[str, str, str, str], Fact]


def cells(found: Iterable[tuple[FormReading, list[Fact]]]) -> Cells:
    return {fact.key: fact for _, facts in found for fact in facts}


def flattened(*pages: str) -> Cells:
    numbered = [PageText(number, text) for number, text in enumerate(pages, start=1)]
    return cells(read_flattened(numbered))


INCOME = """收入决算表
部门：某某区水务局 单位：万元
项 目
本年收入合计 财政拨款收入 上级补助收入 事业收入 经营收入 附属单位上缴收入 其他收入功能分类
科目编码
科目名称
栏次 1 2 3 4 5 6 7
合计 9.50 9.00 0.00 0.00 0.00 0.00 0.5
213 农林水支出 9.50 9.00 0.00 0.00 0.00 0.00 0.50
21303
水利行业业务管理
与监督
9.50 9.00 0.00 0.00 0.00 0.00 0.50
- 7 -
2130301 行政运行 9.50 9.00 0.00 0.00 0.00 0.00 0.50
注：本表反映本年度取得的各项收入情况。
"""


def test_names_wrapped_between_code_and_figures() -> None:
    found = flattened(INCOME)
    assert {row for _, _, row, _ in found} == {"total", "213", "21303", "2130301"}
    assert found["02", "", "21303", "total"].name == "水利行业业务管理与监督"
    assert found["02", "", "total", "other"].decimals == 1
    assert found["02", "", "2130301", "other"].amount_wan == Decimal("0.50")


def test_missing_figures_are_not_guessed() -> None:
    found = flattened(
        "支出决算表\n单位：万元\n"
        "项目 本年支出合计 基本支出 项目支出 上缴上级支出 经营支出 对附属单位补助支出\n"
        "类 款 项 合计 9.50 4.00 5.50\n213 农林水支出 9.50 4.00 5.50\n213 03 水利 9.50 4.00 5.50\n"
        "213 03 01 行政运行 4.00 4.00\n"
    )
    assert found["03", "", "2130301", "total"].amount_wan == Decimal("4.00")
    basic = found["03", "", "2130301", "basic"]
    assert (basic.state, basic.amount_wan) == (CellState.UNREADABLE, None)
    assert basic.note == "只印有2个数，应有6列"


def test_two_figures_in_one_cell_are_not_one() -> None:
    assert parse_amount("0.00 53").state is CellState.UNREADABLE
    assert parse_amount("1 234.56").value == Decimal("1234.56")


def test_lines_across_pages_with_repeated_headings() -> None:
    head = (
        "收入支出决算总表\n部门：某某区水务局 单位：万元\n收入 支出\n"
        "项目 行次 决算数 项目 行次 决算数\n栏次 1 栏次 2\n"
    )
    found = flattened(
        "4\n表 1\n" + head + "一、一般公共预算财政拨款收入 1 9.00 一、一般公共服务支出 31 0.00\n"
        "二、政府性基金预算财政拨款收入 2 0.00 二、外交支出 32 0.00\n"
        "3 九、卫生健康支出 33 1.00\n",
        "5\n表 1\n" + head + "4 十、节能环保支出 34 0.00\n5\n十一、城乡社区支\n出\n35 8.00\n"
        "本年收入合计 27 9.00 本年支出合计 57 9.00\n总计 30 9.00 总计 60 9.00\n注：无\n",
        "6\n第三部分 说明\n",
    )
    assert found["01", "income", "line_4", "amount"].line == "4"
    assert found["01", "expense", "212", "amount"].amount_wan == Decimal("8.00")
    assert found["01", "expense", "212", "amount"].name == "十一、城乡社区支出"
    assert found["01", "income", "grand_total", "amount"].line == "30"
    assert found["01", "expense", "grand_total", "amount"].page == 2


def test_lines_without_numbers() -> None:
    found = flattened(
        "收入支出决算总表\n单位：万元\n收入 支出\n项目 决算数 项目 决算数\n"
        "一、一般公共预算财政拨款收入 9.00 一、一般公共服务支出 9.00\n"
        "二、政府性基金预算财政拨款收入 二、外交支出\n"
        "三、国有资本经营预算财政拨款\n收入 三、国防支出\n"
        "九、卫生健康支出 0.00\n本年收入合计 9.00 本年支出合计 9.00\n总计 9.00 总计 9.00\n"
    )
    assert found["01", "expense", "202", "amount"].state is CellState.BLANK
    assert found["01", "income", "state_capital", "amount"].state is CellState.BLANK
    assert found["01", "expense", "210", "amount"].amount_wan == 0
    assert found["01", "expense", "grand_total", "amount"].amount_wan == 9


def test_panels_and_their_totals() -> None:
    found = flattened(
        "一般公共预算财政拨款基本支出决算表\n单位：万元\n"
        "科目编码 科目名称 金额 科目编码 科目名称 金额\n"
        "301 工资福利支出 6.00 302 商品和服务支出 2.00\n30108\n机关事业单位基本养老保险\n缴费\n"
        "1.00 30206 电费 0.00\n302 07 邮电费 302 11 差旅费 2.00\n"
        "39999 其他支出 人员经费合计 6.00 公用经费合计 2.00\n"
    )
    assert found["06", "", "30108", "amount"].name == "机关事业单位基本养老保险缴费"
    assert found["06", "", "30207", "amount"].state is CellState.BLANK
    assert found["06", "", "39999", "amount"].name == "其他支出"
    assert found["06", "", "personnel_total", "amount"].amount_wan == 6
    assert found["06", "", "public_total", "amount"].amount_wan == 2


@pytest.mark.parametrize(
    ("figures", "hospitality"),
    [
        ("5.00 0.00 4.00 0.00 4.00 1.00 3.50 0.00 3.00 0.00 3.00 0.50", Decimal("0.50")),
        ("5.00 3.50", None),
    ],
)
def test_twelve_figures_or_none(figures: str, hospitality: Decimal | None) -> None:
    found = flattened(
        "财政拨款“三公”经费支出决算表\n单位：万元\n预算数 决算数\n合计 因公出国（境）费\n"
        "公务用车购置及运行维护费\n公务接待费 合计 因公出国（境）费\n"
        "公务用车购置及运行维护费\n公务接待费\n"
        f"1 2 3 4 5 6 7 8 9 10 11 12\n{figures}\n"
    )
    fact = found["09", "", "only", "actual.hospitality"]
    assert fact.amount_wan == hospitality
    assert fact.state is (CellState.READ if hospitality else CellState.UNREADABLE)


def test_a_list_of_contents_holds_no_form() -> None:
    assert (
        read_flattened([PageText(1, "目录\n一、收入支出决算总表\n二、收入决算表\n（见附表）")])
        == []
    )


def test_tabs_with_markup_and_page_breaks() -> None:
    text = (
        "# 一般公共预算财政拨款支出决算表\n\n部门：某某区水务局\n金额单位：万元\n\n"
        "项 目\t\t本年支出\t\t\n科目编码\t科目名称\t小 计\t基本支出\t项目支出\n栏次\t\t1\t2\t3\n"
        "<b>合 计</b>\t\t9.00\t9.00\t\n213\t农林水支出\t9.00\t9.00\t\n\n"
        "21303\t水利\t9.00\t9.00\t\n----\t----\t----\t----\t----\n注：无\n"
    )
    reading = read_text_document(text)
    form, facts = reading.forms[0]
    assert (form.form, form.complete, form.notes) == ("05", True, ())
    assert {fact.row for fact in facts} == {"total", "213", "21303"}


def test_pages_at_form_feeds_and_encodings() -> None:
    assert [page.page for page in split_pages("一\f二\f")] == [1, 2]
    assert [page.page for page in split_pages("一")] == [None]
    assert decode("部门决算".encode("gb18030")) == "部门决算"
    assert decode("部门决算".encode("utf-16")) == "部门决算"
    with pytest.raises(ValueError, match="not text"):
        decode(b"\x00\x01\x02\xff\xfe\x80")


# --- the real seeds ---------------------------------------------------------------------------


def seed(name: str) -> list[tuple[FormReading, list[Fact]]]:
    path = SHARED / "seeds" / f"{name}.txt"
    if not path.exists():
        pytest.skip("needs the seed texts in ../shared")
    return list(read_text(path).forms)


CODED = {
    "02": "total appropriation superior_subsidy business operating subordinate_remittance other",
    "03": "total basic project remitted_to_superior operating subsidy_to_subordinates",
    "05": "total basic project",
    "07": "opening_balance income total basic project closing_balance",
    "08": "total basic project",
}
ITEMS = (
    "total",
    "overseas",
    "vehicles",
    "vehicle_purchase",
    "vehicle_operation",
    "hospitality",
)

Printed = tuple[str, str, str, str, str, str, str]


def squeezed(text: str | None) -> str:
    return re.sub(r"\s+", "", text or "")


def printed_cells(table: dict) -> Iterable[Printed]:  # type: ignore[type-arg]
    """The answer key's cells as (form, side, line, code, name, column, text)."""
    form = f"0{table['table'][-1]}"
    if form in ("01", "04"):
        wide = ("total", "general_budget", "government_fund", "state_capital")
        for side in ("income", "expense"):
            columns = wide if form == "04" and side == "expense" else ("amount",)
            for row in table[side]:
                for column, text in zip(columns, row["values"].values(), strict=True):
                    yield form, side, row["line"] or "", "", squeezed(row["name"]), column, text
    elif form == "06":
        for row in table["rows"]:
            yield form, "", "", row["code"], squeezed(row["name"]), "amount", row["amount"]
        for name, text in table["totals"].items():
            if name != "source_line":
                yield form, "", "", "", name, "amount", text
    elif form == "09":
        for index, value in enumerate(table["values"]):
            group = "budget" if index < 6 else "actual"
            yield form, "", "", "", "", f"{group}.{ITEMS[index % 6]}", value["value"]
    else:
        for row in table["rows"]:
            for column, text in zip(CODED[form].split(), row["values"].values(), strict=True):
                yield form, "", "", row["code"] or "", squeezed(row["name"]), column, text


@pytest.mark.shared
@pytest.mark.parametrize("name", ["acheng-2023", "sanmenxia-2023"])
def test_every_cell_of_a_seed(name: str) -> None:
    forms = seed(name)
    truth = json.loads((SHARED / "truth" / f"{name}.json").read_text(encoding="utf-8"))
    wanted = Counter(cell for table in truth["tables"] for cell in printed_cells(table))
    found = Counter(
        (
            fact.form,
            fact.side.value if fact.side else "",
            fact.line or "",
            fact.code or "",
            squeezed(fact.name),
            fact.column,
            fact.text,
        )
        for _, facts in forms
        for fact in facts
    )
    assert found - wanted == Counter()
    assert wanted - found == Counter()
    assert all(form.complete and not form.notes for form, _ in forms)


@pytest.mark.shared
def test_a_seed_with_its_tabs_gone_reads_the_same() -> None:
    """All its cells are filled, so that counting figures finds every one."""
    by_grid = cells(seed("acheng-2023"))
    text = (SHARED / "seeds" / "acheng-2023.txt").read_text(encoding="utf-8").replace("\t", " ")
    by_grammar = cells(read_flattened([PageText(None, text)]))
    assert {key: (f.amount_wan, f.name, f.line) for key, f in by_grammar.items()} == {
        key: (f.amount_wan, f.name, f.line) for key, f in by_grid.items()
    }


@pytest.mark.shared
@pytest.mark.parametrize("name", ["sanmenxia-2023", "lixia-2023"])
def test_what_the_grammar_reads_of_blank_cells_is_right(name: str) -> None:
    by_grid = cells(seed(name))
    text = (SHARED / "seeds" / f"{name}.txt").read_text(encoding="utf-8")
    text = re.sub("</?b>", "", text.replace("\t", " "))
    by_grammar = cells(read_flattened([PageText(None, text)]))
    assert by_grammar.keys() == by_grid.keys()
    for key, fact in by_grammar.items():
        if fact.state is not CellState.UNREADABLE:
            assert fact.amount_wan == by_grid[key].amount_wan, key


@pytest.mark.shared
@pytest.mark.parametrize("name", ["beiguan-2023", "lixia-2023", "acheng-2023", "sanmenxia-2023"])
def test_seeds_add_up(name: str) -> None:
    forms = seed(name)
    assert [form.form for form, _ in forms] == [f"0{number}" for number in range(1, 10)]
    assert all(form.complete for form, _ in forms)
    found = cells(forms)
    assert not [key for key, fact in found.items() if fact.state is CellState.UNREADABLE]

    def amount(form: str, side: str, row: str, column: str) -> Decimal:
        fact = found.get((form, side, row, column))
        return (fact.amount_wan if fact else None) or Decimal(0)

    classes = [entry.code for entry in expense_classes()]
    spent = sum((amount("01", "expense", code, "amount") for code in classes), Decimal(0))
    assert abs(amount("01", "expense", "expense_total", "amount") - spent) <= Decimal("0.03")
    for form, columns in CODED.items():
        for column in columns.split():
            parts = sum((amount(form, "", code, column) for code in classes), Decimal(0))
            assert abs(amount(form, "", "total", column) - parts) <= Decimal("0.03"), (form, column)
    for code in {row for form, _, row, _ in found if form == "05" and len(row) == 7}:
        assert ("03", "", code, "total") in found


@pytest.mark.shared
def test_a_seed_without_tables_has_no_forms() -> None:
    assert seed("wuerhe-2023") == []
