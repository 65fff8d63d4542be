"""Checks against the same department's accounts of the year before, where they are archived.

A batch may hold, beside its own disclosures, those of the year before (:attr:`Batch.previous`).
Two shapes compare them: ``carried`` ties a cell of this year to a cell of last year's forms, and
``restated`` ties what the narrative's comparisons imply for last year to what was published then.
Both are grain ``history``, in 10⁻⁸ 万元.

Openings and restated years differ legitimately after mergers and corrections, so these are never
more than warnings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from disclosures.amounts import MoneyUnit
from warehouse.addresses import Address, Gap
from warehouse.checks import CheckMart, CheckRow, Evidence, Span, collect
from warehouse.figures import Value
from warehouse.marts import Builder
from warehouse.narrative_marts import NarrativeChecks
from warehouse.narrative_shapes import Spec
from warehouse.narratives import Narrative

_UNIT: Final = MoneyUnit.WAN.value


class Carried(Spec):
    """A cell of this year is a cell of last year's forms. ``subject`` is what auditors read."""

    shape: Literal["carried"]
    subject: str
    stated: str
    equals: str


class Restated(Spec):
    """The figure of last year that a change implies (current − change) is one of some cells of
    last year's forms. ``subject`` is a pattern that fits the subject as a whole."""

    shape: Literal["restated"]
    subject: str
    not_section: str = ""
    equals: tuple[str, ...]


HistoryShape = Carried | Restated


def addresses_of_last_year(shape: HistoryShape) -> tuple[str, ...]:
    """The cells of last year's forms that a shape names."""
    return (shape.equals,) if isinstance(shape, Carried) else shape.equals


class HistoryChecks:
    """Rows of the two shapes for all disclosures of a batch whose last year is at hand."""

    def __init__(self, builder: Builder, narrative: NarrativeChecks) -> None:
        self.builder, self.narrative = builder, narrative
        batch = builder.batch
        self.of: dict[int, int] = {}
        self.previous: Builder | None = None
        if batch.previous is not None and len(batch.previous):
            self.previous = Builder(batch.previous)
            places = {str(i): n for n, i in enumerate(batch.previous.disclosures["disclosure_id"])}
            for d, disclosure_id in enumerate(batch.disclosures["disclosure_id"].tolist()):
                place = places.get(batch.previous_of.get(str(disclosure_id), ""))
                if place is not None:
                    self.of[d] = place
        self._values: dict[tuple[bool, str], Value] = {}

    def rows(self, shape: HistoryShape) -> list[CheckRow]:
        """The checks of one rule."""
        if self.previous is None:
            return []
        found = self._carried(shape) if isinstance(shape, Carried) else self._restated(shape)
        return list(found)

    def _value(self, address: str, *, last_year: bool) -> Value:
        key = (last_year, address)
        if key not in self._values:
            builder = self.previous if last_year else self.builder
            assert builder is not None
            self._values[key] = builder.value(Address.parse(address))
        return self._values[key]

    def _last_year(self, address: str, d: int) -> tuple[Span | None, tuple[Evidence, ...], bool]:
        """A figure of last year, its cells, and whether their reading is in doubt."""
        assert self.previous is not None
        place = self.of[d]
        value = self._value(address, last_year=True)
        if value.gap[place] != Gap.NONE:
            return None, (), False
        cells = self.previous.cells(Address.parse(address), place)
        agreed = self.previous.batch.facts["agreed"]
        return (
            Span(int(value.ticks[place]), int(value.half[place])),
            tuple(Evidence("previous", position=cell) for cell in cells),
            not all(bool(agreed.iat[cell]) for cell in cells),
        )

    def _carried(self, shape: Carried) -> Iterator[CheckRow]:
        value = self._value(shape.stated, last_year=False)
        for d in self.of:
            row = CheckRow(d, shape.subject, _UNIT)
            then, cells, doubtful = self._last_year(shape.equals, d)
            if value.gap[d] != Gap.NONE or then is None:
                when = "上年" if value.gap[d] == Gap.NONE else "本年"
                yield row.unjudged(missing=f"{when}的报表中没有这个数字")
                continue
            now = Span(int(value.ticks[d]), int(value.half[d]))
            if now.is_zero and then.is_zero:
                continue
            stated = Evidence("address", "stated", address=Address.parse(shape.stated))
            yield row._replace(doubtful=doubtful).judged(now, then, (stated, *cells))

    def _restated(self, shape: Restated) -> Iterator[CheckRow]:
        for d in self.of:
            told = self.narrative.narratives.get(d)
            if told is not None:
                yield from self._of(shape, told)

    def _of(self, shape: Restated, told: Narrative) -> Iterator[CheckRow]:
        seen: set[int] = set()
        for change, before in self.narrative.implied(shape.subject, told, shape.not_section):
            if before.value in seen:
                continue
            seen.add(before.value)
            row = CheckRow(told.disclosure, f"{change.subject}／prior", _UNIT)
            known = [self._last_year(address, told.disclosure) for address in shape.equals]
            figures = [(span, cells, doubt) for span, cells, doubt in known if span is not None]
            if not figures:
                yield row.unjudged(missing="上年的报表中没有这个数字")
                continue
            span, cells, doubt = min(figures, key=lambda f: abs(f[0].value - before.value))
            stated = Evidence("statement", "stated", position=change.position)
            yield row._replace(doubtful=doubt).judged(before, span, (stated, *cells))


def build_history_mart(
    builder: Builder, shapes: Mapping[str, HistoryShape], narrative: NarrativeChecks
) -> tuple[CheckMart, frozenset[int]]:
    """The mart, and the disclosures whose last year is at hand."""
    checks = HistoryChecks(builder, narrative)
    found = {key: checks.rows(shape) for key, shape in shapes.items()}
    return collect("history", found), frozenset(checks.of)
