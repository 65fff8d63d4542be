from __future__ import annotations

from typing import Any

from data_docs.layout import FactCell, HeadCell, Mark, header_rows, lay_out


def _fact(form: str, row: str, column: str, text: str, **more: Any) -> FactCell:
    plain = text.replace(",", "")
    values: dict[str, Any] = {
        "form": form,
        "side": "",
        "row": row,
        "column": column,
        "ordinal": 0,
        "line": None,
        "code": None,
        "name": row,
        "text": text,
        "is_zero": plain == "0.00",
        "state": "read" if plain else "blank",
        "unit": "万元",
        "page": 3,
        "agreed": True,
        "note": None,
    }
    return FactCell(**(values | more))


def _texts(table: Any) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


def test_neighbouring_equal_headings_merge_and_leaves_reach_down() -> None:
    paths = [("编码",), ("支出", "小计"), ("支出", "基本"), ("结余",)]
    assert header_rows(paths) == (
        (HeadCell("编码", rows=2), HeadCell("支出", columns=2), HeadCell("结余", rows=2)),
        (HeadCell("小计"), HeadCell("基本")),
    )


def test_sides_meet_at_their_totals() -> None:
    facts = [
        _fact("01", row, "amount", text, side=side, ordinal=place, line=str(place))
        for place, (side, row, text) in enumerate(
            [
                ("income", "general_budget", "5.00"),
                ("income", "income_total", "5.00"),
                ("income", "grand_total", "5.00"),
                ("expense", "201", "3.00"),
                ("expense", "208", "2.00"),
                ("expense", "expense_total", "5.00"),
                ("expense", "closing_balance", "0.00"),
                ("expense", "grand_total", "5.00"),
            ],
            start=1,
        )
    ]
    table = lay_out("01", facts, {})
    assert [(row[0], row[3]) for row in _texts(table)] == [
        ("general_budget", "201"),
        ("", "208"),
        ("income_total", "expense_total"),
        ("", "closing_balance"),
        ("grand_total", "grand_total"),
    ]
    assert [row.strong for row in table.rows] == [False, False, True, False, True]
    assert [cell.text for cell in table.head[0]] == ["收入", "支出"]


def test_panels_stand_side_by_side_by_the_groups_of_the_form() -> None:
    rows = ["301", "302", "307", "30101", "30201", "399", "303", "30701"]
    facts = [
        _fact("06", code, "amount", f"{place}.00", code=code, ordinal=place)
        for place, code in enumerate(rows)
    ]
    facts += [
        _fact("06", "personnel_total", "amount", "2.00", ordinal=90),
        _fact("06", "public_total", "amount", "9.00", ordinal=91),
    ]
    table = lay_out("06", facts, {})
    assert [(cell.text, cell.columns) for cell in table.head[0]] == [
        ("人员经费", 3),
        ("公用经费", 6),
    ]
    assert [[row[0], row[3], row[6]] for row in _texts(table)] == [
        ["301", "302", "307"],
        ["30101", "30201", "30701"],
        ["303", "", "399"],
        ["", "", ""],
    ]
    assert _texts(table)[-1][2] == "2.00"
    assert _texts(table)[-1][8] == "9.00"


def test_the_single_row_has_budget_and_actual() -> None:
    table = lay_out("09", [_fact("09", "only", "budget.total", "1.00")], {})
    assert [(cell.text, cell.columns) for cell in table.head[0]] == [("预算数", 6), ("决算数", 6)]
    assert len(table.rows) == 1
    assert [cell.kind for cell in table.rows[0].cells] == ["read"] + ["missing"] * 11


def test_blank_zero_unreadable_and_missing_differ() -> None:
    facts = [
        _fact("05", "201", "total", "0.00", code="201"),
        _fact("05", "201", "basic", "", code="201"),
        _fact("05", "208", "total", "1O.2", code="208", state="unreadable"),
        _fact("05", "208", "basic", "1.00", code="208", agreed=False, note="两种读法"),
    ]
    mark = Mark("c1", "error", ("f1",))
    table = lay_out("05", facts, {("05", "", "208", "basic"): mark})
    kinds = [[cell.kind for cell in row.cells[2:]] for row in table.rows]
    assert kinds == [["zero", "blank", "missing"], ["unreadable", "read", "missing"]]
    assert table.rows[1].cells[3].mark == mark
    assert table.rows[1].cells[3].suspect
    assert (table.unreadable, table.suspect, table.pages) == (1, 1, (3,))


def test_columns_that_only_this_document_prints_are_kept() -> None:
    facts = [
        _fact("08", "total", "total", "1.00"),
        _fact("08", "total", "income", "1.00"),
        _fact("08", "total", "extra", "7.00"),
    ]
    table = lay_out("08", facts, {})
    leaves = [cell.text for row in table.head for cell in row]
    assert "本年收入" in leaves, "optional, and printed here"
    assert "年初结转和结余" not in leaves, "optional, and not printed here"
    assert _texts(table)[0][-1] == "7.00"
