"""Forms in grids: made-up tables in the arrangements that provinces print."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from disclosures.amounts import CellState, MoneyUnit
from disclosures.model import Fact, FormReading, Side
from disclosures.reading.grids import Grid, GridCell, PageText
from disclosures.reading.headings import signature, split_rows
from disclosures.reading.recognise import recognise
from disclosures.reading.titles import find_titles, form_of_title, is_table_title


def grid(*lines: str, page: int | None = 1, sheet: str | None = None) -> Grid:
    """A grid from lines with | between cells; ⏎ is a line break inside a cell."""
    rows = tuple(
        tuple(GridCell(cell.replace("⏎", "\n")) for cell in line.split("|")) for line in lines
    )
    return Grid("test", page, rows, sheet=sheet)


def read(
    grids: Sequence[Grid], *texts: str
) -> dict[str, tuple[FormReading, dict[tuple[str, str, str], Fact]]]:
    """Recognise ``grids``; facts by (side, row, column)."""
    pages = [PageText(number, text) for number, text in enumerate(texts, start=1)]
    return {
        form.form: (form, {(f.side.value if f.side else "", f.row, f.column): f for f in facts})
        for form, facts in recognise(grids, pages)
    }


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("收入支出决算总表", "01"),
        ("公开01表 收入支出决算总表", "01"),
        ("某某市水务局2023年度收入决算表", "02"),
        ("三、支出决算表（续）", "03"),
        ("财政拨款收入支出决算总表", "04"),
        ("# 一般公共预算财政拨款支出决算表", "05"),
        ("一般公共预算财政拨款基本支出决算明细表", "06"),
        ("表8 政府性基金预算财政拨款收入支出决算表", "07"),
        ("国有资本经营预算财政拨款收入支出决算表", "08"),
        ("一般公共预算财政拨款“三公”经费支出决算表", "09"),
        # Not the form whose name the line happens to end in.
        ("财政拨款支出决算表", None),
        ("一般公共预算财政拨款项目支出决算表", None),
        ("收入支出决算总表........3", None),
        ("本表反映的内容详见支出决算表", None),
        ("收支预算总表", None),
        ("表一：收入支出决算总表", "01"),
        ("附表二 收入决算表", "02"),
        ("表五、一般公共预算财政拨款支出决算表", "05"),
        ("政府性基金预算财政拨款收支决算表", "07"),
        ("国有资本经营预算财政拨款收支决算表", "08"),
    ],
)
def test_a_title_is_known_by_its_words(line: str, form: str | None) -> None:
    assert form_of_title(line) == form


def test_other_tables_are_titles_too() -> None:
    assert is_table_title("国有资产占有使用情况表")
    assert not is_table_title("第二部分 2023年度部门决算表")


def test_a_title_wrapped_over_two_lines() -> None:
    _, titles = find_titles("一般公共预算财政拨款\n支出决算表\n单位：万元")
    assert [title.form for title in titles] == ["05"]


def test_continuation_pages_count_once() -> None:
    head: tuple[str, ...] = (
        "项  目||本年支出合⏎计|基本支出|项目支出|上缴上级支⏎出|经营支出|对附属单位补助⏎支出",
    )
    head += (
        "科目编码|科目名称||||||",
        "栏次||1|2|3|4|5|6",
        "|合计|30.00|20.00|10.00|0.00|0.00|0.00",
    )
    first = grid(*head, "213|农林水支出|30.00|20.00|10.00|0.00|0.00|0.00", page=1)
    second = grid(*head, "21303|水利|30.00|20.00|10.00|0.00|0.00|0.00", page=2)
    third = grid("2130301|行政运行|20.00|20.00||||", page=3)
    form, facts = read(
        [first, second, third], "支出决算表\n单位：万元", "支出决算表\n单位：万元", "接上页"
    )["03"]
    assert form.pages == (1, 2, 3)
    assert form.complete
    assert form.notes == ()
    assert {row for _, row, _ in facts} == {"total", "213", "21303", "2130301"}
    assert facts["", "2130301", "project"].state is CellState.BLANK
    assert facts["", "213", "total"].amount_wan == Decimal("30.00")


def test_codes_in_columns_of_their_own() -> None:
    _, facts = read(
        [
            grid(
                "项目||||合计|基本支出|项目支出",
                "支出功能分类|||科目名称|||",
                "类|款|项||||",
                "213|||农林水支出|8.00|8.00|",
                "213|03||水利|8.00|8.00|",
                "213|03|01|行政运行|8.00|8.00|",
                "合计||||8.00|8.00|",
            )
        ],
        "一般公共预算财政拨款支出决算表\n单位：万元",
    )["05"]
    assert {row for _, row, _ in facts} == {"213", "21303", "2130301", "total"}
    assert facts["", "2130301", "basic"].code == "2130301"


def test_the_same_headings_need_a_title() -> None:
    table = grid("项目||合计|基本支出|项目支出", "科目编码|科目名称|||", "合计||||", page=1)
    assert read([table], "单位：万元") == {}
    form, _ = read(
        [table], "国有资本经营预算财政拨款支出决算表\n说明：本单位没有此项支出，故本表无数据。"
    )["08"]
    assert form.declared_empty
    form, _ = read([table], "国有资本经营预算财政拨款支出决算表\n注：本表反映支出情况。")["08"]
    assert not form.declared_empty


def test_a_table_with_figures_is_not_empty_whatever_its_note_says() -> None:
    form, _ = read(
        [grid("项目||合计|基本支出|项目支出", "科目编码|科目名称|||", "合计||7.00||7.00")],
        "国有资本经营预算财政拨款支出决算表\n说明：本单位没有此项支出，故本表无数据。",
    )["08"]
    assert not form.declared_empty


ACCOUNTS = (
    "收入|||支出||",
    "项目|行次|金额|项目|行次|金额",
    "栏次||1|栏次||2",
    "一、一般公共预算财政拨款收入|1|12.30|一、一般公共服务支出|31|",
    "二、政府性基金预算财政拨款收入|2||二、外交支出|32|0.00",
    "|9||九、卫生健康支出|39|1.20",
    "本年收入合计|27|12.30|本年支出合计|57|12.30",
    "总计|30|12.30|总计|60|12.30",
)


def test_lines_by_name_with_numbers_that_are_no_amounts() -> None:
    form, facts = read([grid(*ACCOUNTS)], "收入支出决算总表\n金额单位：万元")["01"]
    assert form.complete
    assert facts["income", "general_budget", "amount"].line == "1"
    assert facts["expense", "201", "amount"].state is CellState.BLANK
    assert facts["expense", "202", "amount"].amount_wan == 0
    assert facts["expense", "210", "amount"].amount_wan == Decimal("1.20")
    unnamed = facts["income", "line_9", "amount"]
    assert (unnamed.name, unnamed.line, unnamed.amount_wan) == ("", "9", None)
    assert facts["expense", "grand_total", "amount"].line == "60"


def test_letters_out_of_order() -> None:
    _, facts = read(
        [
            grid(
                "收入||支出|",
                "项目|决算数|项目|决算数",
                "般公共预算财政拨款收入一、一|5.00|般公共服务支出一、一|5.00",
                "二 政府性基金预算财政拨款收入、||二 外交支出、|",
                "总计|5.00|总计|5.00",
            )
        ],
        "收入支出决算总表\n单位：万元",
    )["01"]
    assert facts["expense", "201", "amount"].name == "一、一般公共服务支出"
    assert facts["income", "general_budget", "amount"].amount_wan == 5
    assert facts["expense", "202", "amount"].name == "二、外交支出"


def test_two_sides_on_two_pages() -> None:
    income = grid(
        "收入||",
        "项目|行次|金额",
        "一、一般公共预算财政拨款收入|1|9.00",
        "四、上级补助收入|4|",
        "五、事业收入|5|",
        "总计|30|9.00",
        page=1,
    )
    expense = grid(
        "支出||",
        "项目|行次|金额",
        "一、一般公共服务支出|31|9.00",
        "二、外交支出|32|",
        "三、国防支出|33|",
        "总计|60|9.00",
        page=2,
    )
    form, facts = read([income, expense], "收入支出决算总表\n单位：万元", "收入支出决算总表")["01"]
    assert form.complete
    assert facts["expense", "201", "amount"].amount_wan == 9
    assert facts["income", "grand_total", "amount"].line == "30"


def test_opening_balances_by_fund_follow_the_opening_balance() -> None:
    _, facts = read(
        [
            grid(
                "收入|||支出||||",
                "项目|行次|金额|项目|行次|合计|一般公共预算财政拨款|政府性基金预算财政拨款",
                "一、一般公共预算财政拨款|1|4.00|一、一般公共服务支出|28|5.00|5.00|",
                "年初财政拨款结转和结余|24|1.00|年末财政拨款结转和结余|51|||",
                "一般公共预算财政拨款|25|1.00||52|||",
                "总计|27|5.00|总计|54|5.00|5.00|",
            )
        ],
        "财政拨款收入支出决算总表\n单位：万元",
    )["04"]
    assert facts["income", "general_budget", "amount"].amount_wan == 4
    assert facts["income", "opening_general_budget", "amount"].amount_wan == 1
    assert ("expense", "201", "state_capital") not in facts
    assert facts["expense", "line_52", "total"].state is CellState.BLANK


@pytest.mark.parametrize(
    "totals",
    [
        "|人员经费合计|6.00|||||公用经费合计|2.00",
        "人员经费合计||6.00|公用经费合计||||2.00|",
        "人员经费合计 6.00|||公用经费合计 2.00|||||",
        "人员经费合计||6.00|公用经费合计|||||2.00",
    ],
)
def test_totals_of_form_06_stand_anywhere(totals: str) -> None:
    form, facts = read(
        [
            grid(
                "人员经费|||公用经费|||||",
                "科目编码|科目名称|金额|科目编码|科目名称|金额|科目编码|科目名称|金额",
                "301|工资福利支出|6.00|302|商品和服务支出|2.00|310|资本性支出|",
                "30101|基本工资|6.00|30201|办公费|2.00|31002|办公设备购置|",
                totals,
            )
        ],
        "一般公共预算财政拨款基本支出决算表\n单位：万元",
    )["06"]
    assert form.complete
    assert facts["", "personnel_total", "amount"].amount_wan == 6
    assert facts["", "public_total", "amount"].amount_wan == 2
    assert facts["", "31002", "amount"].state is CellState.BLANK


def test_form_06_as_one_list_with_three_amounts() -> None:
    form, facts = read(
        [
            grid(
                "经济分类科目||基本支出||",
                "科目编码|科目名称|合计|人员经费|公用经费",
                "合计||8.00|6.00|2.00",
                "301|工资福利支出|6.00|6.00|",
                "30101|基本工资|6.00|6.00|",
                "302|商品和服务支出|2.00||2.00",
                "30201|办公费|2.00||2.00",
            )
        ],
        "一般公共预算财政拨款基本支出决算表\n单位：万元",
    )["06"]
    assert form.complete
    assert facts["", "30101", "amount"].amount_wan == 6
    assert facts["", "302", "amount"].amount_wan == 2
    assert facts["", "total", "amount"].amount_wan == 8
    assert facts["", "personnel_total", "amount"].amount_wan == 6


THREE = "财政拨款“三公”经费支出决算表\n单位：万元"


@pytest.mark.parametrize(
    "table",
    [
        grid(
            "预算数||||||决算数|||||",
            "合计|因公出国⏎（境）费|公务用车购置及运行维护费|||公务接待费|合计|因公出国（境）费|公务用车购置及运行维护费|||公务接待费",
            "||小计|公务用车购置费|公务用车运行维护费||||小计|公务用车购置费|公务用车运行维护费|",
            "1|2|3|4|5|6|7|8|9|10|11|12",
            "5.00||4.00||4.00|1.00|3.50||3.00||3.00|0.50",
        ),
        grid(
            "财政拨款“三公”经费|||||||||||",
            "合计||因公出国（境）费||公务用车购置及运行费||||||公务接待费|",
            "||||小计||公务用车购置费||公务⏎用车运行费|||",
            "预算数|决算数|预算数|决算数|预算数|决算数|预算数|决算数|预算数|决算数|预算数|决算数",
            "5.00|3.50|||4.00|3.00|||4.00|3.00|1.00|0.50",
        ),
        grid(
            "项目|合计|因公出国（境）费|公务用车购置及运行维护费|||公务接待费",
            "|||小计|公务用车购置费|公务用车运行维护费|",
            "预算数|5.00||4.00||4.00|1.00",
            "决算数|3.50||3.00||3.00|0.50",
        ),
        grid(
            "项目|预算数|决算数",
            "合计|5.00|3.50",
            "1.因公出国（境）费||",
            "2.公务接待费|1.00|0.50",
            "3.公务用车购置及运行维护费|4.00|3.00",
            "其中：（1）公务用车购置费||",
            "（2）公务用车运行维护费|4.00|3.00",
        ),
    ],
    ids=["twelve in a row", "six pairs", "two rows", "a list"],
)
def test_layouts_of_form_09(table: Grid) -> None:
    form, facts = read([table], THREE)["09"]
    assert form.complete
    found = {column: fact.amount_wan for (_, _, column), fact in facts.items()}
    assert found == {
        "budget.total": Decimal("5.00"),
        "budget.overseas": None,
        "budget.vehicles": Decimal("4.00"),
        "budget.vehicle_purchase": None,
        "budget.vehicle_operation": Decimal("4.00"),
        "budget.hospitality": Decimal("1.00"),
        "actual.total": Decimal("3.50"),
        "actual.overseas": None,
        "actual.vehicles": Decimal("3.00"),
        "actual.vehicle_purchase": None,
        "actual.vehicle_operation": Decimal("3.00"),
        "actual.hospitality": Decimal("0.50"),
    }


def test_form_09_of_whole_yuan_alone() -> None:
    """Workbooks keep 2,948.00 as 2948: a row of whole numbers is no row of headings."""
    table = grid(
        "预算数||||||决算数|||||",
        "合计|因公出国（境）费|公务用车购置及运行维护费|||公务接待费|合计|因公出国（境）费|公务用车购置及运行维护费|||公务接待费",
        "||小计|公务用车购置费|公务用车运行维护费||||小计|公务用车购置费|公务用车运行维护费|",
        "1|2|3|4|5|6|7|8|9|10|11|12",
        "2948|||||2948|2948|||||2948",
    )
    _, facts = read([table], THREE.replace("万元", "元"))["09"]
    found = {column: fact.text for (_, _, column), fact in facts.items() if fact.text}
    assert found == dict.fromkeys(
        ("budget.total", "budget.hospitality", "actual.total", "actual.hospitality"), "2948"
    )


def test_yuan_is_converted_with_its_decimals() -> None:
    form, facts = read(
        [
            grid(
                "项目||合计|基本支出|项目支出", "科目编码|科目名称|||", "合计||123456.70|123456.70|"
            )
        ],
        "一般公共预算财政拨款支出决算表\n部门：元氏县水务局 单位：元",
    )["05"]
    fact = facts["", "total", "total"]
    assert (form.unit, fact.amount_wan, fact.decimals) == (
        MoneyUnit.YUAN,
        Decimal("12.345670"),
        2,
    )


def test_one_sheet_with_several_tables() -> None:
    sheet = grid(
        "收入决算表||||||||",
        "部门：某某局|||||||||单位：万元",
        "项目||本年收入合计|财政拨款收入|上级补助收入|事业收入|经营收入|附属单位上缴收入|其他收入",
        "科目编码|科目名称|||||||",
        "合计||3.00|3.00|||||",
        "213|农林水支出|3.00|3.00|||||",
        "注：本表反映本年度取得的各项收入情况。||||||||",
        "支出决算表||||||||",
        "项目||本年支出合计|基本支出|项目支出|上缴上级支出|经营支出|对附属单位补助支出|",
        "科目编码|科目名称|||||||",
        "合计||3.00|3.00|||||",
        page=None,
        sheet="Sheet1",
    )
    found = read([sheet])
    assert set(found) == {"02", "03"}
    assert found["02"][0].complete
    assert found["02"][1]["", "213", "appropriation"].amount_wan == 3


def test_a_heading_that_is_not_understood_takes_the_place_left() -> None:
    head, body, _ = split_rows(
        grid(
            "项目||本年支出合计|基本支出|项目支出|上缴上级支出|经营费用|对附属单位补助支出",
            "科目编码|科目名称||||||",
            "合计||9.00|1.00|2.00|0.00|6.00|0.00",
        ).rows
    )
    assert signature(head, body) == {"03"}
    _, facts = read([Grid("test", 1, (*head, *body))], "支出决算表\n单位：万元")["03"]
    assert facts["", "total", "operating"].amount_wan == 6


def test_tables_of_other_kinds_are_left_out() -> None:
    assets = grid("项目|数量|价值", "车辆|3|27.14", "房屋|1|100.00")
    budget = grid(
        "收入||支出|",
        "项目|预算数|项目|预算数",
        "一、一般公共预算拨款收入|5.00|一、一般公共服务支出|5.00",
    )
    assert read([assets], "国有资产占有使用情况表\n单位：万元") == {}
    assert read([budget], "收支预算总表\n单位：万元") == {}


def test_figures_without_a_name_are_noted_not_lost() -> None:
    form, _ = read([grid(*ACCOUNTS, "||3.00|||")], "收入支出决算总表\n单位：万元")["01"]
    assert any("没有项目名称" in note for note in form.notes)


def test_a_form_that_is_only_a_title_and_a_note() -> None:
    form, facts = read(
        [], "政府性基金预算财政拨款收入支出决算表\n说明：本单位没有政府性基金收入，故本表无数据。"
    )["07"]
    assert (form.declared_empty, form.variant, facts) == (True, "note_only", {})


EMPTY_FUND = (
    "政府性基金预算财政拨款收入支出决算表|||||||",
    "单位：万元|||||||",
    "项目||年初结转和结余|本年收入|本年支出|||年末结转和结余",
    "科目编码|科目名称|||小计|基本支出|项目支出|",
    "合计|||||||",
)
EMPTY_NOTE = "说明：本单位没有政府性基金收入和支出，故本表无数据。"


def test_notes_under_a_table_of_the_same_sheet() -> None:
    form, _ = read([grid(*EMPTY_FUND, EMPTY_NOTE + "|||||||", page=None)])["07"]
    assert form.declared_empty


def test_notes_that_a_reader_put_above_the_next_table() -> None:
    following = grid(
        EMPTY_NOTE,
        "国有资本经营预算财政拨款支出决算表",
        "项目||合计|基本支出|项目支出",
        "科目编码|科目名称|||",
        "合计||||",
        page=None,
    )
    found = read([grid(*EMPTY_FUND, page=None), following])
    assert found["07"][0].declared_empty
    assert not found["08"][0].declared_empty


def test_budget_of_the_full_year_before_that_of_its_beginning() -> None:
    _, facts = read(
        [
            grid(
                "项目|年初预算数|全年预算数|决算数",
                "合计|9.00|5.00|3.50",
                "1.因公出国（境）费|||",
                "2.公务接待费|9.00|5.00|3.50",
                "3.公务用车购置及运行维护费|||",
                "（1）公务用车购置费|||",
                "（2）公务用车运行维护费|||",
            )
        ],
        THREE,
    )["09"]
    assert facts["", "only", "budget.hospitality"].amount_wan == Decimal("5.00")


SHARED = Path(__file__).resolve().parents[2].parent / "shared"


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("foshan-rail-2019", "01 02 03 04 05 06 07 09"),
        ("putuo-finance-2024", "01 02 03 04 05 06 07 08 09"),
        ("putuo-social-work-2024", "01 02 03 04 05 06 07 08 09"),
        ("putuo-finance-2024-seeded-errors", "01 02 04 05 06 07 08 09"),
        ("putuo-blank-template", "01 02 03 04 05 06 07 08 09"),
    ],
)
def test_real_forms_are_all_found_and_complete(name: str, forms: str) -> None:
    path = SHARED / "real" / "final" / f"{name}.pdf"
    if not path.exists():
        pytest.skip("needs the real disclosures in ../shared")
    found = recognise(tablers_grids(path), pdf_pages(path))
    assert sorted(form.form for form, _ in found) == forms.split()
    assert all(form.complete and not form.notes for form, _ in found)
    assert not [fact for _, facts in found for fact in facts if fact.state is CellState.UNREADABLE]


def tablers_grids(path: Path) -> list[Grid]:
    tablers = pytest.importorskip("tablers")
    grids = []
    with tablers.Document(str(path)) as document:
        for number, page in enumerate(document.pages(), start=1):
            for table in tablers.find_tables(page, extract_text=True):
                rows = tuple(
                    tuple(
                        GridCell(cell.text or "", cell.bbox) if cell else GridCell("")
                        for cell in row.cells
                    )
                    for row in table.rows
                )
                grids.append(Grid("tablers", number, rows, table.bbox))
    return grids


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


def test_sides_are_those_of_the_contract() -> None:
    assert {Side.INCOME.value, Side.EXPENSE.value} == {"income", "expense"}
