"""The replica's figures are the published ones: every cell, and the invented parts add up."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import connectors.replica
from disclosures.amounts import parse_amount
from disclosures.forms import bare_name, forms
from disclosures.model import Side
from disclosures.rendering.figures import (
    CodedFigures,
    Figures,
    PanelFigures,
    ThreePublicFigures,
    TwoSidedFigures,
    load_figures,
)

FIGURES = Path(connectors.replica.__file__).parent / "figures"
SHARED = Path(__file__).resolve().parents[2].parent / "shared"
STEMS = sorted(path.stem for path in FIGURES.glob("*.yaml"))

Cell = tuple[str, str, str, str, str]


def load(stem: str) -> Figures:
    return load_figures(FIGURES / f"{stem}.yaml")


def cells_of(figures: Figures) -> Counter[Cell]:
    """Filled cells as (form, side or code, name, column place, text)."""
    found: list[Cell] = []
    for key, form in figures.forms.present():
        spec = forms()[key]
        if isinstance(form, TwoSidedFigures):
            for side in (Side.INCOME, Side.EXPENSE):
                for line in spec.lines_of(side):
                    name = bare_name(form.names.get(line.key, line.title))
                    for place, column in enumerate(spec.columns_of(side)):
                        text = form.cell(side, line.key, column.key, place == 0)
                        found.append((key, side.value, name, str(place), text))
        elif isinstance(form, CodedFigures):
            columns = [c.key for c in spec.columns_of() if key != "08" or not c.optional]
            for place, column_key in enumerate(columns):
                found.append((key, "", "合计", str(place), form.total.get(column_key, "")))
                for row in form.rows:
                    text = row.values.get(column_key, "")
                    found.append((key, row.code, bare_name(row.name), str(place), text))
        elif isinstance(form, PanelFigures):
            found += [(key, i.code, bare_name(i.name), "0", i.amount) for i in form.items]
            found.append((key, "", "人员经费合计", "0", form.personnel_total))
            found.append((key, "", "公用经费合计", "0", form.public_total))
        elif isinstance(form, ThreePublicFigures):
            for group, values in (("budget", form.budget), ("actual", form.actual)):
                for place, column in enumerate(spec.columns_of()):
                    found.append((key, group, "", str(place), values.get(column.key, "")))
    return Counter(cell for cell in found if cell[-1])


def cells_of_key(tables: list[dict[str, Any]]) -> Counter[Cell]:
    """The same from an answer key."""
    found: list[Cell] = []
    for table in tables:
        key = table["table"].removeprefix("公开")
        for side in ("income", "expense"):
            for row in table.get(side, []):
                for place, text in enumerate(row["values"].values()):
                    found.append((key, side, bare_name(row["name"]), str(place), text))
        for row in table.get("rows", []):
            if key == "06":
                name = bare_name(row["name"])
                found.append((key, row["code"], name, "0", row["amount"]))
                continue
            for place, text in enumerate(row["values"].values()):
                name = bare_name(row["name"])
                found.append((key, row["code"] or "", name, str(place), text))
        for name, text in table.get("totals", {}).items():
            if name != "source_line":
                found.append((key, "", name, "0", text))
        for place, value in enumerate(table.get("values", [])):
            group = "budget" if place < 6 else "actual"
            found.append((key, group, "", str(place % 6), value["value"]))
    return Counter(cell for cell in found if cell[-1])


@pytest.mark.shared
@pytest.mark.parametrize("stem", ["acheng-2023", "sanmenxia-2023"])
def test_every_published_cell_stands_in_the_figures(stem: str) -> None:
    key = SHARED / "truth" / f"{stem}.json"
    if not key.exists():
        pytest.skip("the answer keys are not beside this checkout")
    expected = cells_of_key(json.loads(key.read_text(encoding="utf-8"))["tables"])
    assert len(expected) > 150
    assert cells_of(load(stem)) == expected


def amount(text: str) -> Decimal:
    value = parse_amount(text).value
    return Decimal(0) if value is None else value


@pytest.mark.parametrize("stem", ["acheng-2022", "wuerhe-2023"])
def test_invented_forms_add_up_exactly(stem: str) -> None:
    """In the coded forms every invented column adds up over classes, 款 and 项."""
    figures = load(stem)
    for key in ("02", "03", "05"):
        form = figures.forms.get(key)
        assert isinstance(form, CodedFigures)
        for column in forms()[key].columns_of():
            by_code = {row.code: amount(row.values[column.key]) for row in form.rows}
            for length in (3, 5, 7):
                level = sum(value for code, value in by_code.items() if len(code) == length)
                assert level == amount(form.total[column.key]), (key, column.key, length)
    panels, two_sided = figures.forms.f06, figures.forms.f01
    assert panels is not None
    assert two_sided is not None
    items = {item.code: amount(item.amount) for item in panels.items}
    assert items["301"] + items["303"] == amount(panels.personnel_total)
    assert items["302"] == amount(panels.public_total)
    for code in ("301", "302", "303"):
        parts = (v for c, v in items.items() if len(c) == 5 and c.startswith(code))
        assert sum(parts) == items[code]
    income, expense = two_sided.income, two_sided.expense
    assert income["grand_total"] == expense["grand_total"]
    assert amount(income["grand_total"]) == amount(income["income_total"]) + amount(
        income["opening_balance"]
    )


def test_2022_closes_with_what_2023_opens_with() -> None:
    before, after = load("acheng-2022").forms, load("acheng-2023").forms
    assert before.f01 is not None
    assert after.f01 is not None
    assert before.f01.expense["closing_balance"] == after.f01.income["opening_balance"]
    stated = load("acheng-2023").narrative.stated
    changes = {
        "general_budget": stated["income"]["general_budget"],
        "other": stated["income"]["other"],
    }
    for key, now in changes.items():
        assert now.amount is not None
        assert now.change is not None
        assert amount(before.f01.income[key]) == amount(now.amount) - Decimal(now.change)
    assert before.f03 is not None
    for key in ("basic", "project"):
        now = stated["expense"][key]
        assert now.amount is not None
        assert now.change is not None
        assert amount(before.f03.total[key]) == amount(now.amount) - Decimal(now.change)


@pytest.mark.parametrize("stem", ["acheng-2022", "wuerhe-2023"])
def test_documents_with_invented_figures_say_so(stem: str) -> None:
    assert any("仿真" in remark for remark in load(stem).remarks)
