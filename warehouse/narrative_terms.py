"""The figures that the terms of a shape name (:mod:`warehouse.narrative_shapes`), and which
statement is nearest to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from disclosures.forms import forms, squeeze
from warehouse.addresses import Address, Gap
from warehouse.checks import Evidence, Known, Span
from warehouse.coded_lines import ITEM_PATH, CodedLines
from warehouse.marts import Builder
from warehouse.narratives import BUDGETS, Narrative, Said


class Terms:
    """The figures that terms name, for the statements of a batch."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self._cells: dict[str, tuple[list[int], list[int], list[int], Address, Evidence]] = {}
        self._lines: dict[str, CodedLines] = {}
        self._parsed: dict[str, tuple[str, str, str]] = {}

    def figures(self, term: str, one: Said, narrative: Narrative) -> tuple[list[Known], str]:
        """The figures that a term names for a statement, and else why there is none."""
        kind, rest, about = self._parsed.get(term) or self._parse(term)
        if kind == "cell":
            return self._cell(rest, narrative.disclosure)
        if kind == "item":
            return self._item(rest, one, narrative.disclosure)
        measures = BUDGETS if rest == "budget" else (rest,)
        if kind == "own":
            found = [s for m in measures if (s := nearest(one, narrative, m))]
            return [signed(s) for s in found], "" if found else "文中没有相应的金额"
        near = _other(one, narrative, about, measures)
        return ([signed(near)], "") if near else ([], "文中没有相应的金额")

    def _parse(self, term: str) -> tuple[str, str, str]:
        """The kind of a term, what it names, and for ``said`` of which subject."""
        kind, _, rest = term.partition(":")
        about = ""
        if kind == "said":
            rest, _, about = rest.partition(":")
        self._parsed[term] = (kind, rest, about)
        return self._parsed[term]

    def _cell(self, text: str, disclosure: int) -> tuple[list[Known], str]:
        if text not in self._cells:
            address = Address.parse(text)
            value = self.builder.value(address)
            self._cells[text] = (
                value.ticks.tolist(),
                value.half.tolist(),
                value.gap.tolist(),
                address,
                Evidence("address", address=address),
            )
        ticks, half, gap, address, evidence = self._cells[text]
        if gap[disclosure] != Gap.NONE:
            return [], f"《{forms()[address.form].title}》没有可以对照的数字"
        return [Known(Span(ticks[disclosure], half[disclosure]), (evidence,))], ""

    def cell(self, address: str, disclosure: int) -> list[Known]:
        """The figure at an address, if it is known."""
        return self._cell(address, disclosure)[0]

    def _item(self, rest: str, one: Said, disclosure: int) -> tuple[list[Known], str]:
        form, _, column = rest.partition(".")
        title = forms()[form].title
        if self.builder.form_gap[form][disclosure] != Gap.NONE:
            return [], f"未读到《{title}》"
        lines = self.lines(form, column).named(disclosure, one.subject, one.quote)
        known = [line.known for line in lines if line.known is not None]
        if known and len(known) == len(lines):
            return known, ""
        name = one.subject.partition(":")[2] or one.subject
        return [], f"《{title}》未见名为“{name}”、能够读出的科目"

    def items(self, form: str, column: str, disclosure: int) -> list[tuple[str, str, Known | None]]:
        """Code, squeezed name and figure of the 项 of a form."""
        lines = self.lines(form, column).of(disclosure)
        return [(x.code, x.name, x.known) for x in lines if len(x.code) == 7]

    def lines(self, form: str, column: str) -> CodedLines:
        """The coded lines of a form, with their figures in a column."""
        key = f"{form}.{column}"
        if key not in self._lines:
            self._lines[key] = CodedLines(self.builder, form, column)
        return self._lines[key]


def nearest(one: Said, narrative: Narrative, measure: str) -> Said | None:
    """The nearest statement of the same subject: before it in the section, or after it in the
    sentence. Changes are those that compare with the same."""
    best: Said | None = None
    for other in narrative.by_name.get((one.subject, measure), ()):
        if other.section != one.section or other is one:
            continue
        if other.sign and one.sign and other.versus != one.versus:
            continue
        # What is no item has no path.
        if one.subject.startswith("项") and path_of(other) != path_of(one):
            continue
        if other.order < one.order:
            best = other
        elif best is None and other.quote == one.quote:
            return other
    return best


def _other(one: Said, narrative: Narrative, subject: str, measures: Sequence[str]) -> Said | None:
    found = [s for s in narrative.of(subject, measures) if s is not one]
    for near in (
        [s for s in found if s.section == one.section],
        [s for s in found if s.chapter == one.chapter],
        found,
    ):
        before = [s for s in near if s.order < one.order]
        if before:
            return before[-1]
        if near:
            return near[0]
    return None


def signed(said: Said) -> Known:
    """A change with the sign of its word."""
    known = said.known()
    if said.measure.startswith("change") and said.sign < 0:
        return Known(Span(-known.span.value, known.span.half), known.evidence)
    return known


@lru_cache(maxsize=65536)
def _path_in(subject: str, quote: str) -> str:
    if not subject.startswith("项:"):
        return ""
    name = squeeze(subject[2:])
    return next((p[0] for p in ITEM_PATH.finditer(squeeze(quote)) if p["item"] == name), "")


def path_of(said: Said) -> str:
    """类, 款 and 项 of an item, because names of items repeat."""
    return _path_in(said.subject, said.quote) if said.subject.startswith("项:") else ""
