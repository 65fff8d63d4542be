"""The performance forms of a batch: their lines, their funds and what they say as a whole.

A form is that of a project or of a whole unit; a summary has a line per project. Points and weights
are exact where they are whole; a fraction stands for half a unit of its last decimal either way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, NamedTuple

from disclosures.forms import squeeze
from warehouse.checks import Evidence, Known, Span, decimals_of, number, span_of
from warehouse.marts import Builder

AMOUNTS: Final = ("budget_initial", "budget_full_year", "executed")
#: Measures as auditors read them.
MEASURES: Final = {
    "score": "得分",
    "executed": "全年执行数",
    "budget_full_year": "全年预算数",
    "budget_initial": "年初预算数",
    "rate": "执行率",
    "target": "指标值",
    "actual": "完成值",
}
_MAIN_FUNDS: Final = re.compile(r"总额|合计|总计|总预算")
#: Of what counts as a cost indicator only amounts can be more than what was spent.
UNITS_OF_MONEY: Final = ("万元", "万", "元")


class Entry(NamedTuple):
    """One figure of a form; ``value`` is None for words and blanks."""

    position: int
    value: Decimal | None
    unit: str
    text: str

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return (Evidence("performance", position=self.position),)

    def span(self) -> Span | None:
        """The figure, as rounded as it is printed; a zero and whole points are exact."""
        return None if self.value is None else span_of(self.value, None, self.unit)

    def points(self) -> Span | None:
        if self.value is None:
            return None
        whole = self.value == self.value.to_integral_value()
        span = span_of(self.value, max(decimals_of(self.value), 1))
        return Span(span.value, 0) if whole else span

    def amount(self) -> Known | None:
        """Money. Trailing zeros are dropped in these forms, so that two decimals are meant."""
        if self.value is None or (self.unit and self.unit not in UNITS_OF_MONEY):
            return None
        unit = "" if self.unit in ("", "万") else self.unit
        decimals = decimals_of(self.value)
        return Known(span_of(self.value, decimals if decimals else 2, unit), self.evidence)


def amount_or_blank(entry: Entry | None) -> Span | None:
    """Money, a blank or a dash being none of it; None where it was not read."""
    if entry is None:
        return None
    if entry.value is None:
        return Span(0) if re.fullmatch(r"[\s/\-—－]*", entry.text) else None
    known = entry.amount()
    return known.span if known else None


@dataclass(slots=True)
class Line:
    """A row of a form, or a project of a summary."""

    name: str
    cells: dict[str, Entry] = field(default_factory=dict)


@dataclass
class PerformanceForm:
    """One form, or one project of a summary (whose lines are its headings); what is derived from
    its lines is derived once, when it has all of them."""

    disclosure: int
    table: str
    project: str
    doubtful: bool
    lines: list[Line] = field(default_factory=list)

    @cached_property
    def funds(self) -> list[Line]:
        return [x for x in self.lines if any(a in x.cells for a in AMOUNTS)]

    @cached_property
    def main(self) -> Line | None:
        """The row of funds that stands for all of them."""
        funds = self.funds
        named = [x for x in funds if _MAIN_FUNDS.search(squeeze(x.name))]
        if self.table == "summary":
            return None
        if len(funds) == 1 or len(named) == 1:
            return (named or funds)[0]
        weighed = [x for x in funds if "weight" in x.cells]
        return weighed[0] if len(weighed) == 1 else None

    @cached_property
    def total(self) -> Line | None:
        return next((x for x in self.lines if "total" in x.cells), None)

    @cached_property
    def indicators(self) -> list[Line]:
        """Every row with points but the total and the rows of funds."""
        return [
            x
            for x in self.lines
            if "total" not in x.cells
            and not any(a in x.cells for a in AMOUNTS)
            and ("weight" in x.cells or "score" in x.cells)
        ]

    @cached_property
    def judged(self) -> list[Line]:
        """The rows whose points make the total: all indicators, and execution."""
        return [x for x in self.funds if "weight" in x.cells] + self.indicators

    def value(self, measure: str) -> Entry | None:
        """What the form says of a project as a whole."""
        if self.table == "summary":
            found = [x.cells[measure] for x in self.lines if measure in x.cells]
            return found[0] if found else None
        if measure == "score":
            return self.total.cells["total"] if self.total else None
        return self.main.cells.get(measure) if self.main else None


def performance_forms(builder: Builder) -> list[PerformanceForm]:
    """The forms of a batch, in printed order."""
    frame = builder.batch.performance
    if not len(frame):
        return []
    order = {str(i): n for n, i in enumerate(builder.batch.disclosures["disclosure_id"])}
    forms: list[PerformanceForm] = []
    seen: set[tuple[str, str]] = set()
    last: tuple[Any, ...] = ()
    columns = (
        "disclosure_id",
        "sha256",
        "table",
        "project",
        "indicator",
        "measure",
        "value",
        "unit",
        "text",
        "doubtful",
    )
    for position, row in enumerate(zip(*(frame[c].tolist() for c in columns), strict=True)):
        disclosure, _, table, project, indicator, measure, value, unit, text, doubtful = row
        again = (indicator, measure) in seen
        # The same project once more: another table names it, or another form bears its name.
        new_table = again and table == "summary" and forms[-1].lines[0].name == indicator
        if row[:4] != last or new_table:
            forms.append(PerformanceForm(order[disclosure], table, project, bool(doubtful)))
            seen = set()
            last = row[:4]
        lines = forms[-1].lines
        if not lines or lines[-1].name != indicator or measure in lines[-1].cells:
            lines.append(Line(indicator))
        seen.add((indicator, measure))
        lines[-1].cells[measure] = Entry(position, number(value), unit or "", text or "")
    return forms
