"""Layouts: how a province, a year or a habit prints a disclosure. Each is a YAML file in
``layouts/``; to add one is to add a file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import yaml
from pydantic import Field, StringConstraints, model_validator

from disclosures.forms import forms
from disclosures.rendering.figures import FigureModel, FiguresError, load_strings

FormKey = Annotated[str, StringConstraints(pattern=r"^0[1-9]$")]
PartContent = Literal[
    "overview", "forms", "forms_elsewhere", "narrative", "performance", "glossary"
]


class Part(FigureModel):
    """One part of the document. ``{agency} {year} {scope}`` stand in titles."""

    title: str
    content: tuple[PartContent, ...]


class TopLine(FigureModel):
    """One line above a form: ``{title} {mark} {agency} {unit} {year}`` at three places."""

    left: str = ""
    center: str = ""
    right: str = ""


class Numbers(FigureModel):
    """How figures are restyled. ``as_given`` prints the figure's own string."""

    zero: str = "as_given"
    """``as_given``, or what stands for zero: ``""``, ``0``, ``0.00``, ``-``."""
    blank: str = "as_given"
    """``as_given``, or what stands in blank cells of rows that have a name."""
    thousands: Literal["as_given", "add", "strip"] = "as_given"
    trailing_zeros: Literal["as_given", "drop"] = "as_given"
    negative: Literal["as_given", "minus", "triangle", "parentheses"] = "as_given"
    digits: Literal["as_given", "full_width"] = "as_given"


class ExtraTable(FigureModel):
    """A table that stands among the nine forms and is none of them, as some provinces print.

    ``like`` names a coded form whose rows it has, with its total divided among ``columns``; without
    it the table lists ``items``.
    """

    title: str
    after: FormKey
    columns: tuple[str, ...] = Field(min_length=1)
    like: Literal["02", "03", "05", "07", "08"] | None = None
    items: tuple[str, ...] = ()


class FormsStyle(FigureModel):
    """Everything about the nine forms but their figures."""

    order: tuple[FormKey, ...] = ("01", "02", "03", "04", "05", "06", "07", "08", "09")
    mark: str = "公开{key}表"
    """``{key}``: 01..09 by form; ``{place}``: 1..9 and ``{place2}``: 01..09 by printed order."""
    titles: dict[FormKey, str] = Field(default_factory=dict)
    names: dict[str, str] = Field(default_factory=dict)
    """Printed names of lines by row key, and of classes by code."""
    top: tuple[TopLine, ...] = (
        TopLine(center="{title}"),
        TopLine(right="{mark}"),
        TopLine(left="部门：{agency}", right="{unit}"),
    )
    top_by_form: dict[FormKey, tuple[TopLine, ...]] = Field(default_factory=dict)
    unit: str = "单位：{unit}"
    numbers: Numbers = Numbers()
    money: Literal["as_given", "元", "万元"] = "as_given"
    """Unit of the forms. Figures in 元 are printed in 万元 with all their decimals."""
    line_numbers: bool = True
    """行次 in 01 and 04, and 栏次 in the others."""
    empty_lines: int = Field(0, ge=0, le=3)
    """Empty lines before 总计 in 01: 0 makes 总计 lines 30 and 60, 1 makes it 31 and 62."""
    classes: tuple[str, ...] = ()
    """Classes printed in 01 and 04, by code; empty: the twenty-six of the 2020s."""
    class_lines: Literal["all", "filled"] = "all"
    state_capital: bool = True
    """False: the forms before 2020, without 国有资本经营预算."""
    split_codes: bool = False
    """类, 款 and 项 in columns of their own."""
    code_title: str = "科目代码"
    code_titles: dict[FormKey, str] = Field(default_factory=dict)
    """Heading of the code column where a form has its own."""
    name_title: str = "科目名称"
    item_title: str = "项目"
    amount_titles: dict[FormKey, str] = Field(default_factory=dict)
    """Heading of the money column in 01, 04 and 06."""
    column_titles: dict[FormKey, dict[str, str]] = Field(default_factory=dict)
    total_at: Literal["code", "name", "span"] = "span"
    total_name: str = "合计"
    panels: tuple[tuple[str, ...], ...] = (
        ("301", "303"),
        ("302",),
        ("307", "309", "310", "311", "312", "313", "399"),
    )
    """Groups of 06 in each panel, in printed order."""
    bands: tuple[tuple[str, int], ...] = (("人员经费", 1), ("公用经费", 2))
    """Headings over the panels of 06 and how many panels each spans; empty: none."""
    panel_total: Literal["name", "code", "span"] = "span"
    three_public: Literal["row", "pairs", "two_rows"] = "row"
    beside_three_public: tuple[str, ...] = ()
    """Further columns of 09 that are no part of 三公, such as 会议费 and 培训费."""
    state_capital_flows: bool = False
    """08 with the six columns of 07 instead of three."""
    standard_notes: bool = True
    """Print the standard footnotes where the figures have none."""
    extra_tables: tuple[ExtraTable, ...] = ()
    notes: dict[FormKey, tuple[str, ...]] = Field(default_factory=dict)
    """Footnotes that take the place of the standard ones."""
    note_prefix: str = "注："
    empty_prefix: str = "说明："
    empty_instead_of_note: bool = False


class PageStyle(FigureModel):
    """Paper, type and ruling. Lengths in points."""

    margin_pt: float = Field(56, ge=18, le=120)
    form_margin_pt: float = Field(42, ge=18, le=120)
    text_size_pt: float = Field(15, ge=8, le=22)
    form_size_pt: float = Field(9, ge=5, le=14)
    row_pt: float = Field(17, ge=8, le=40)
    """Least height of a form's row."""
    landscape: tuple[FormKey, ...] = ("02", "03", "04", "06", "07", "09")
    turn: int = Field(0, ge=0, le=270, multiple_of=90)
    """Landscape pages are stored turned, with this ``/Rotate`` in degrees."""
    rules: Literal["all", "dashed", "gaps", "horizontal", "rows", "three_line", "zebra", "none"] = (
        "all"
    )
    """``gaps``: white cells before a black ground, so that every line is a gap between fills.
    ``horizontal``: one line above and one below. ``rows``: lines between rows only. ``three_line``:
    above, under the headings and below (三线表). ``zebra``: every other row shaded, no line."""
    figures: Literal["left", "center", "right"] = "right"
    """How figures stand in their columns."""
    rows_per_page: int | None = Field(None, ge=5, le=80)
    repeat_heading: bool = True
    """Continuation pages repeat title, top lines and column headings."""
    repeat_total: bool = False
    """Continuation pages repeat the 合计 row (Guangdong, 2019)."""
    name_share: float = Field(1.0, gt=0.2, le=2.0)
    """Width of name columns against the standard one; small ones wrap names."""
    embedding: Literal["subset", "whole_font_box"] = "subset"
    """``whole_font_box``: the CFF font descriptor carries the box of the whole font, as several
    producers write it. PDFBox then takes every letter for taller than its cell, and a lattice
    reader on PDFBox finds nearly no text, without any error."""
    page_numbers: bool = True


class TextStyle(FigureModel):
    """The narrative."""

    wording: str
    numbers: Numbers = Numbers()
    spaced: bool = False
    """A blank between Chinese and digits, as Word puts it ("2023 年度")."""
    brackets: Literal["full", "half"] = "full"
    self_name: str = "我单位"
    share_decimals: int = Field(2, ge=0, le=4)
    micro_share_of_sme: bool = True
    """授予小微企业合同金额 as a share of that of 中小企业 (else of the whole procurement)."""


class Sheet(FigureModel):
    """What a workbook does differently."""

    as_numbers: bool = True
    """Amounts are numbers, not text."""
    number_format: str = "General"
    """``General`` drops trailing zeros, as many published workbooks do; ``0.00`` keeps them."""
    name: str = "{mark}"
    """Sheet name from ``{mark} {title} {key} {place}``."""


class Layout(FigureModel):
    """One way of printing a disclosure."""

    name: str
    description: str
    parts: tuple[Part, ...]
    cover: bool = True
    cover_title: str = ""
    contents: bool = True
    forms: FormsStyle = FormsStyle()
    page: PageStyle = PageStyle()
    text: TextStyle
    sheet: Sheet = Sheet()

    @model_validator(mode="after")
    def _fits_the_forms(self) -> Layout:
        style = self.forms
        if len(set(style.order)) != len(style.order):
            raise ValueError("a form is ordered twice")
        if style.bands and sum(span for _, span in style.bands) != len(style.panels):
            raise ValueError("the bands of 06 do not span its panels")
        if style.beside_three_public and style.three_public != "two_rows":
            raise ValueError("columns beside 三公 are printed in the layout of two rows only")
        for key, titles in style.column_titles.items():
            form = forms()[key]
            known = {c.key for side in form.sides for c in form.columns_of(side)}
            if unknown := set(titles) - known:
                raise ValueError(f"form {key}: unknown columns {sorted(unknown)}")
        return self


@cache
def layouts() -> dict[str, Layout]:
    """All layouts by name (the file's name without ``.yaml``).

    Raises:
        FiguresError: a layout file is not valid.
    """
    found = {}
    folder = files(__package__) / "layouts"
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if not entry.name.endswith(".yaml"):
            continue
        try:
            raw = load_strings(entry.read_text(encoding="utf-8"))
            layout = Layout.model_validate(raw)
        except (yaml.YAMLError, ValueError) as error:
            raise FiguresError(f"{entry.name}: {error}") from error
        if f"{layout.name}.yaml" != entry.name:
            raise FiguresError(f"{entry.name}: is named {layout.name}")
        found[layout.name] = layout
    return found
