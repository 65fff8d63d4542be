"""The figures of one disclosure, as printed.

A figure is the printed string: ``"895.32"``, ``"1,052.87"``, ``"-"``; ``""`` is a blank cell.
Nothing here is recomputed or corrected: the errors of a disclosure are in its figures. What the
narrative states and the figures leave out is derived from the forms when it is rendered, so a
clean disclosure needs no more than its forms.

In YAML every scalar is read as the string that it is written as (``12.10`` keeps its zero), so
amounts and codes need no quotes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from disclosures.amounts import MoneyUnit
from disclosures.forms import Form, forms
from disclosures.model import Side

#: One printed figure or cell.
Printed = Annotated[str, StringConstraints(strict=True, max_length=4000)]


class FigureModel(BaseModel):
    """Base of all figures: unknown keys are mistakes, not extras."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# ---------------------------------------------------------------------------- the nine forms


class FormFigures(FigureModel):
    """What every form has besides its cells."""

    title: str = ""
    """Printed title where it departs from the layout's."""
    notes: tuple[str, ...] = ()
    """Footnotes below the form, without the word 注. Empty: the layout's standard note."""
    empty_statement: str = ""
    """The 说明 that declares the form empty, such as “本单位2023年度没有……，故本表为空。”"""
    names: dict[str, str] = {}
    """Printed names that depart from the standard form, by row key or class code."""


class TwoSidedFigures(FormFigures):
    """Forms 01 and 04. Rows are the keys of ``disclosures/forms/0N.yaml`` or class codes.

    In 04 the expense side has four columns: a row is ``{total: …, general_budget: …}``; a bare
    string is the first column. A row that is left out is blank.
    """

    income: dict[str, Printed] = {}
    expense: dict[str, Printed | dict[str, Printed]] = {}

    def cell(self, side: Side, row: str, column: str, first: bool) -> str:
        """The printed cell, ``""`` when blank. ``first``: the column is the side's first."""
        if side is Side.INCOME:
            return self.income.get(row, "")
        value = self.expense.get(row, "")
        if isinstance(value, str):
            return value if first else ""
        return value.get(column, "")


class CodedRow(FigureModel):
    """One row of a form by functional code; ``values`` by column key."""

    code: str
    name: str
    values: dict[str, Printed] = {}


class CodedFigures(FormFigures):
    """Forms 02, 03, 05, 07 and 08: rows in printed order and the 合计 row."""

    total: dict[str, Printed] = {}
    rows: tuple[CodedRow, ...] = ()


class PanelItem(FigureModel):
    """One economic item of 06."""

    code: str
    name: str
    amount: Printed = ""


class PanelFigures(FormFigures):
    """Form 06: all printed items, groups (3 digits) before their items, blank ones included.

    The layout decides which group stands in which panel.
    """

    items: tuple[PanelItem, ...] = ()
    personnel_total: Printed = ""
    public_total: Printed = ""


class ThreePublicFigures(FormFigures):
    """Form 09: the six items (``total overseas vehicles …``) as budget and as actual."""

    budget: dict[str, Printed] = {}
    actual: dict[str, Printed] = {}


class Forms(FigureModel):
    """The nine forms. A form that is left out is missing from the disclosure."""

    f01: TwoSidedFigures | None = Field(None, alias="01")
    f02: CodedFigures | None = Field(None, alias="02")
    f03: CodedFigures | None = Field(None, alias="03")
    f04: TwoSidedFigures | None = Field(None, alias="04")
    f05: CodedFigures | None = Field(None, alias="05")
    f06: PanelFigures | None = Field(None, alias="06")
    f07: CodedFigures | None = Field(None, alias="07")
    f08: CodedFigures | None = Field(None, alias="08")
    f09: ThreePublicFigures | None = Field(None, alias="09")

    @model_validator(mode="after")
    def _keys_are_known(self) -> Forms:
        for key, figures in self.present():
            _check_keys(forms()[key], figures)
        return self

    def get(self, key: str) -> FormFigures | None:
        """The form ``01`` … ``09``, or None when it is missing."""
        figures: FormFigures | None = getattr(self, f"f{key}")
        return figures

    def present(self) -> Iterator[tuple[str, FormFigures]]:
        """The forms that are there, in the central order."""
        for key in forms():
            figures = self.get(key)
            if figures is not None:
                yield key, figures


def _check_keys(form: Form, figures: FormFigures) -> None:
    def known(given: set[str], allowed: set[str], where: str) -> None:
        if given - allowed:
            raise ValueError(
                f"form {form.key}, {where}: unknown {sorted(given - allowed)}; "
                f"known are {sorted(allowed)}"
            )

    if isinstance(figures, TwoSidedFigures):
        for side, rows in ((Side.INCOME, figures.income), (Side.EXPENSE, figures.expense)):
            known(set(rows), {line.key for line in form.lines_of(side)}, side.value)
        columns = set(form.column_keys(Side.EXPENSE))
        for row, value in figures.expense.items():
            if isinstance(value, dict):
                known(set(value), columns, f"expense {row}")
    elif isinstance(figures, CodedFigures):
        columns = set(form.column_keys())
        known(set(figures.total), columns, "total")
        for coded in figures.rows:
            known(set(coded.values), columns, coded.code)
    elif isinstance(figures, ThreePublicFigures):
        columns = {column.key for column in form.columns_of()}
        known(set(figures.budget), columns, "budget")
        known(set(figures.actual), columns, "actual")


# ------------------------------------------------------------------------------ the narrative


class Stated(FigureModel):
    """What the narrative states of one subject. None: derived from the forms where possible,
    otherwise the clause is left out. Amounts in the printed unit, percentages without ``%``.

    ``change`` and ``change_pct`` are against the prior year; the sign of ``change`` chooses
    增加/减少 and 增长/下降 unless ``direction`` / ``pct_direction`` say otherwise. ``prior`` is
    never printed: change and percentage derive from it. ``versus_budget`` is the signed
    difference from the budget where a wording prints one.
    """

    amount: Printed | None = None
    share: Printed | None = None
    prior: Printed | None = None
    change: Printed | None = None
    change_pct: Printed | None = None
    direction: str | None = None
    pct_direction: str | None = None
    budget: Printed | None = None
    completion: Printed | None = None
    variance_pct: Printed | None = None
    versus_budget: Printed | None = None
    versus_budget_pct: Printed | None = None
    relation: str | None = None
    """“大于”, “小于” or “持平” where a wording compares actual and budget in a word."""
    count: Printed | None = None
    name: str | None = None
    """Printed name where it departs from the form's."""
    items: tuple[str, ...] | None = None
    """Named economic items (基本支出), in printed order."""
    reason: str | None = None
    """Why it changed against the prior year, without “主要原因是” and without a final stop."""
    budget_reason: str | None = None
    """Why actual and budget differ."""
    text: str | None = None
    """Free continuation of the sentence (what the money was spent on)."""


#: Sections of the narrative and the subjects that they know. ``class`` stands for any 3-digit,
#: ``item`` for any 7-digit functional code.
SECTIONS: dict[str, tuple[str, ...]] = {
    "totals": (
        "grand_total",
        "income_grand_total",
        "income_total",
        "non_appropriation_balance_used",
        "opening_balance",
        "expense_grand_total",
        "expense_total",
        "balance_distribution",
        "closing_balance",
    ),
    "income": (
        "income_total",
        "appropriation",
        "general_budget",
        "government_fund",
        "state_capital",
        "superior_subsidy",
        "business",
        "operating",
        "subordinate_remittance",
        "other",
    ),
    "expense": (
        "expense_total",
        "basic",
        "project",
        "remitted_to_superior",
        "operating",
        "subsidy_to_subordinates",
    ),
    "appropriation": (
        "grand_total",
        "income_grand_total",
        "opening_balance",
        "income_total",
        "expense_grand_total",
        "closing_balance",
        "expense_total",
    ),
    # Form 05 in three paragraphs, each of which states the total again.
    "general_budget": ("expense_total",),
    "structure": ("expense_total", "class"),
    "items": ("expense_total", "class", "item"),
    "basic": ("basic_total", "personnel", "public"),
    "government_fund": (
        "opening_balance",
        "income",
        "expense_total",
        "basic",
        "project",
        "closing_balance",
        "item",
    ),
    "state_capital": (
        "opening_balance",
        "income",
        "expense_total",
        "basic",
        "project",
        "closing_balance",
        "item",
    ),
    # 总体情况 and 具体情况 state the same parts twice.
    "three_public": (
        "total",
        "overseas",
        "vehicles",
        "vehicle_purchase",
        "vehicle_operation",
        "hospitality",
    ),
    "three_public_detail": (
        "total",
        "overseas",
        "overseas_groups",
        "overseas_people",
        "vehicles",
        "vehicle_purchase",
        "vehicles_bought",
        "vehicle_operation",
        "vehicles_kept",
        "hospitality",
        "hospitality_foreign",
        "foreign_batches",
        "foreign_people",
        "hospitality_domestic",
        "domestic_batches",
        "domestic_people",
    ),
    "operating_cost": ("operating_cost",),
    "procurement": (
        "total",
        "goods",
        "works",
        "services",
        "sme",
        "micro",
        "sme_goods",
        "sme_works",
        "sme_services",
        "reserved",
    ),
    "assets": (
        "vehicles",
        "leader",
        "principal",
        "post",
        "confidential",
        "emergency",
        "enforcement",
        "special",
        "retired",
        "other",
        "equipment",
        "fixed_assets",
        "house_area",
        "house_value",
        "vehicle_value",
    ),
    "performance": ("projects", "primary_projects", "secondary_projects", "reviewed", "unit"),
}


class Overview(FigureModel):
    """部门概况: paragraphs as printed."""

    duties: tuple[str, ...] = ()
    organisation: tuple[str, ...] = ()
    units: tuple[str, ...] = ()


class GlossaryEntry(FigureModel):
    term: str
    meaning: str


class Narrative(FigureModel):
    """The text part. ``stated`` is ``{section: {subject: Stated}}`` (see ``SECTIONS``)."""

    wording: str = ""
    """Family of sentences; empty: the layout's."""
    overview: Overview = Overview()
    stated: dict[str, dict[str, Stated]] = {}
    extra: dict[str, tuple[str, ...]] = {}
    """Further paragraphs at the end of a section, printed as they are."""
    replaced: dict[str, tuple[str, ...]] = {}
    """Sections whose paragraphs are printed as given instead of being worded."""
    omitted: tuple[str, ...] = ()
    """Sections that this disclosure leaves out."""
    glossary: tuple[GlossaryEntry, ...] = ()
    """Empty: the standard terms."""

    @model_validator(mode="after")
    def _sections_are_known(self) -> Narrative:
        named = {*self.stated, *self.extra, *self.replaced, *self.omitted}
        if unknown := named - set(SECTIONS):
            raise ValueError(f"unknown sections {sorted(unknown)}; known are {sorted(SECTIONS)}")
        for section, subjects in self.stated.items():
            allowed = SECTIONS[section]
            for subject in subjects:
                if subject in allowed:
                    continue
                kind = {3: "class", 7: "item"}.get(len(subject)) if subject.isdigit() else None
                if kind not in allowed:
                    raise ValueError(f"section {section}: unknown subject {subject!r}")
        return self


# ---------------------------------------------------------------------------- performance


class FundRow(FigureModel):
    """One row of the funds of a self-evaluation form."""

    source: str
    initial: Printed = ""
    full: Printed = ""
    executed: Printed = ""
    weight: Printed = ""
    rate: Printed = ""
    score: Printed = ""


class Indicator(FigureModel):
    """One row of indicators; an empty level repeats the one above (a merged cell)."""

    level1: str = ""
    level2: str = ""
    level3: str
    target: Printed = ""
    actual: Printed = ""
    weight: Printed = ""
    score: Printed = ""
    deviation: Printed = ""
    note: str = ""
    basis: str = ""


class SelfEvaluation(FigureModel):
    """项目支出绩效自评表 or 部门（单位）整体支出绩效自评表."""

    kind: Literal["project", "unit"] = "project"
    title: str = ""
    project: str = ""
    """Name of the project, or of the unit in a 整体 form."""
    department: str = ""
    implementer: str = ""
    funds: tuple[FundRow, ...] = ()
    expected: str = ""
    achieved: str = ""
    tasks: tuple[tuple[str, str, str], ...] = ()
    """年度主要任务: name, content, what was done."""
    indicators: tuple[Indicator, ...] = ()
    total_weight: Printed = ""
    total_score: Printed = ""
    notes: tuple[str, ...] = ()


class ProjectReview(FigureModel):
    """The sentence on one project in the narrative (项目绩效自评综述)."""

    project: str
    score: Printed | None = None
    grade: str = ""
    budget: Printed | None = None
    executed: Printed | None = None
    rate: Printed | None = None
    achieved: str = ""
    problems: str = ""
    measures: str = ""


class SummaryTable(FigureModel):
    """A 汇总表 as printed: headings and rows of cells."""

    title: str
    unit: str = ""
    columns: tuple[str, ...]
    rows: tuple[tuple[Printed, ...], ...] = ()
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _rows_fit(self) -> SummaryTable:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"{self.title}: every row needs {len(self.columns)} cells")
        return self


class Performance(FigureModel):
    reviews: tuple[ProjectReview, ...] = ()
    summaries: tuple[SummaryTable, ...] = ()
    evaluations: tuple[SelfEvaluation, ...] = ()
    report: tuple[str, ...] = ()
    """Paragraphs of an attached self-evaluation report."""


# ------------------------------------------------------------------------------ a disclosure


class Figures(FigureModel):
    """All that one department publishes for one year."""

    agency: str
    region: str = ""
    region_code: str = Field("", pattern=r"^(\d{6})?$")
    year: int = Field(ge=2000, le=2099)
    unit: MoneyUnit = MoneyUnit.WAN
    """Unit of every amount."""
    forms_unit: MoneyUnit | None = None
    """Unit of the forms where they are printed in another one than the narrative (元)."""
    scope: Literal["部门", "单位"] = "部门"
    """What the agency calls itself in headings: 2023年度部门决算 or 2023年度单位决算."""
    title: str = ""
    """Title of the cover; empty: “{agency}{year}年度{scope}决算”."""
    published: str = ""
    """Date of the cover as printed, such as 2024年9月."""
    remarks: tuple[str, ...] = ()
    """Printed below the title of the cover, or before everything else where there is none."""
    forms: Forms
    narrative: Narrative = Narrative()
    performance: Performance = Performance()

    @property
    def unit_of_forms(self) -> MoneyUnit:
        return self.forms_unit or self.unit

    @property
    def cover_title(self) -> str:
        return self.title or f"{self.agency}{self.year}年度{self.scope}决算"


class FiguresError(ValueError):
    """A figures file that cannot be used; the message names the file and the place."""


def load_figures(path: Path) -> Figures:
    """Read and validate a figures file (YAML, UTF-8).

    Raises:
        FiguresError: no YAML, an unknown key, a repeated key, or a value of the wrong shape.
    """
    try:
        return Figures.model_validate(load_strings(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValueError) as error:
        raise FiguresError(f"{path.name}: {error}") from error


def load_strings(text: str) -> Any:
    """YAML with every scalar as the string it is written as; repeated keys are refused."""
    return yaml.load(text, Loader=_string_loader())


@cache
def _string_loader() -> type[yaml.BaseLoader]:
    class Loader(yaml.BaseLoader):
        """BaseLoader resolves no scalar: 12.10 stays 12.10 and 010 stays 010."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            repeated = {key for key in keys if keys.count(key) > 1}
            if repeated:
                raise yaml.constructor.ConstructorError(
                    None, None, f"repeated keys {sorted(repeated)}", node.start_mark
                )
            return super().construct_mapping(node, deep)

    return Loader


def dump_figures(figures: Figures) -> str:
    """Figures as YAML that ``load_figures`` reads back to an equal object."""
    plain = figures.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    text: str = yaml.dump(
        _as_strings(plain), Dumper=_dumper(), allow_unicode=True, sort_keys=False, width=100
    )
    return text


def _as_strings(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _as_strings(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_strings(item) for item in value]
    return str(value)


@cache
def _dumper() -> type[yaml.BaseDumper]:
    class Dumper(yaml.BaseDumper):
        """Resolves no scalar either, so figures and codes stand without quotes."""

    Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar(_STRING, text))
    Dumper.add_representer(dict, lambda dumper, items: dumper.represent_mapping(_MAPPING, items))
    Dumper.add_representer(list, lambda dumper, items: dumper.represent_sequence(_SEQUENCE, items))
    return Dumper


_STRING = "tag:yaml.org,2002:str"
_MAPPING = "tag:yaml.org,2002:map"
_SEQUENCE = "tag:yaml.org,2002:seq"
