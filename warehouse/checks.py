"""Checks of stated figures: rows of the grains ``statement`` and ``performance``.

The narrative and the performance forms state figures that have no fixed place, so their mart is
long: one row per figure that a rule checks, holding what is stated and what it is compared with,
each as the midpoint and half the width of the closed interval that its printing stands for. All
figures are integers of 10⁻⁸ of their unit: 万元 (ticks), percent, points or pieces.

Ratios are intervals of exact integer quotients, rounded outwards to 10⁻⁸ percent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Final, Literal, NamedTuple

import numpy as np
import pandas as pd

from disclosures.amounts import MoneyUnit, parse_amount
from warehouse.addresses import Address
from warehouse.figures import Ints, nullable
from warehouse.marts import Mart

#: Of every figure of a check, whatever its unit.
_PLACES: Final = 8
SCALE: Final = 10**_PLACES
#: Beyond this nothing is a figure any more, and 64 bits would not hold differences of it.
LARGEST: Final = 4 * 10**18

MONEY_UNITS: Final = frozenset(unit.value for unit in MoneyUnit)

Relation = Literal["equal", "at_most"]

STATED, STATED_HALF = "stated", "stated~half"
COMPUTED, COMPUTED_HALF = "computed", "computed~half"
#: The column that says by which rule a row is checked.
RULE = "rule"


class Span(NamedTuple):
    """The closed interval of a figure: midpoint and half width."""

    value: int
    half: int = 0

    @property
    def low(self) -> int:
        return self.value - self.half

    @property
    def high(self) -> int:
        return self.value + self.half

    @property
    def is_zero(self) -> bool:
        return self.value == 0

    def meets(self, other: Span) -> bool:
        return abs(self.value - other.value) <= self.half + other.half

    def plus(self, other: Span, sign: int = 1) -> Span:
        """Sum or difference. A zero was not rounded."""
        return Span(self.value + sign * other.value, self.half + (other.half if other.value else 0))


def between(low: int, high: int) -> Span:
    """The span from ``low`` to ``high``."""
    middle = (low + high) // 2
    return Span(middle, max(high - middle, middle - low))


def percentage(part: Span, whole: Span) -> Span | None:
    """``part`` of ``whole`` in percent; None when the whole may be zero."""
    if whole.low <= 0 <= whole.high:
        return None
    # The least quotient has the least numerator, over whichever end of the whole makes it less.
    low, high = part.low * 100 * SCALE, part.high * 100 * SCALE
    if whole.value < 0:
        low, high, whole = -high, -low, Span(-whole.value, whole.half)
    found = between(
        low // (whole.high if low >= 0 else whole.low),
        -(-high // (whole.low if high >= 0 else whole.high)),
    )
    return found if abs(found.value) + found.half < LARGEST else None


def product(one: Span, other: Span) -> Span:
    """The product of two figures, in 10⁻⁸."""
    ends = [a * b for a in (one.low, one.high) for b in (other.low, other.high)]
    return between(min(ends) // SCALE, -(-max(ends) // SCALE))


def decimals_of(value: Decimal) -> int:
    return max(-int(value.as_tuple().exponent), 0)


def span_of(value: Decimal, decimals: int | None = None, unit: str = "") -> Span:
    """The span of a printed figure. Money of any unit becomes 万元."""
    power, half = _scale(decimals_of(value) if decimals is None else decimals, unit)
    # Exact, unless the figure is finer than 10⁻⁸.
    return Span(int(value.scaleb(power).to_integral_value()), half)


def span_of_text(text: str, shown: int, decimals: int, unit: str) -> Span:
    """As :func:`span_of`, of a :data:`PLAIN` figure that shows so many decimals."""
    power, half = _scale(decimals, unit)
    if power < shown:  # finer than 10⁻⁸
        return span_of(Decimal(text), decimals, unit)
    return Span(int(text.replace(".", "")) * _POWERS[power - shown], half)


_POWERS: Final = tuple(10**n for n in range(24))


@lru_cache(maxsize=1024)
def _scale(decimals: int, unit: str) -> tuple[int, int]:
    """The power of ten that scales a figure of a unit, and half of its last decimal, scaled."""
    power = (MoneyUnit(unit).exponent if unit in MONEY_UNITS else 0) + _PLACES
    return power, max(int(Decimal(5).scaleb(power - decimals - 1)), 0)


#: Figures as they are stored, but for the largest and the finest.
PLAIN: Final = re.compile(r"-?\d{1,18}(?:\.\d{1,9})?", re.ASCII)


def number(text: str | None) -> Decimal | None:
    """A stored decimal string."""
    if text is None:
        return None
    if PLAIN.fullmatch(text):
        return -Decimal(text[1:]) if text[0] == "-" else Decimal(text)
    return parse_amount(text).value


class Evidence(NamedTuple):
    """A figure that took part: a statement or performance fact by its position in the batch, or
    the cells of a form by address, or one cell by its position, or one of last year's forms or
    of a unit's."""

    source: Literal["statement", "performance", "address", "cell", "previous", "unit"]
    role: Literal["stated", "addend", "subtrahend"] = "addend"
    position: int = -1
    address: Address | None = None

    def as_role(self, role: Literal["stated", "addend", "subtrahend"]) -> Evidence:
        return Evidence(self.source, role, self.position, self.address)


class Known(NamedTuple):
    """A figure with where it comes from."""

    span: Span
    evidence: tuple[Evidence, ...]


def closest(stated: Span, known: Iterable[Known]) -> Known:
    """The figure that fits, else the one that is nearest; of several, the first."""
    return min(known, key=lambda k: (not stated.meets(k.span), abs(stated.value - k.span.value)))


class CheckRow(NamedTuple):
    """One check of one figure: what is stated, and what it should be.

    ``missing`` says why it cannot be told; ``clause`` names the exception under which the rule
    does not apply. In both cases the spans mean nothing. ``detail`` is told with a violation;
    ``doubtful`` says that the readers did not read all that it rests on.
    """

    disclosure: int
    subject: str
    unit: str
    stated: Span = Span(0)
    computed: Span = Span(0)
    evidence: tuple[Evidence, ...] = ()
    missing: str = ""
    clause: str = ""
    detail: str = ""
    doubtful: bool = False

    def judged(self, stated: Span, computed: Span, evidence: tuple[Evidence, ...]) -> CheckRow:
        """The same check with its figures and where they come from."""
        return CheckRow(
            self.disclosure,
            self.subject,
            self.unit,
            stated,
            computed,
            evidence,
            detail=self.detail,
            doubtful=self.doubtful,
        )

    def unjudged(self, *, missing: str = "", clause: str = "") -> CheckRow:
        """The same check where it cannot be told, or does not apply."""
        return CheckRow(self.disclosure, self.subject, self.unit, missing=missing, clause=clause)


@dataclass(frozen=True)
class CheckMart:
    """The rows of all rules of a grain. ``rule_of`` is the position in ``keys`` of each row."""

    name: str
    keys: tuple[str, ...]
    rows: tuple[CheckRow, ...]
    rule_of: Ints
    disclosure: Ints
    missing: Mapping[str, tuple[CheckRow, ...]] = field(default_factory=dict)

    def mart(self, ids: Sequence[str], wanted: Mapping[str, int]) -> Mart:
        """The frame for Great Expectations: the rows of the wanted rules, each with the number
        under which its rule is wanted."""
        number_of = np.full(len(self.keys), -1, dtype=np.int64)
        for place, key in enumerate(self.keys):
            number_of[place] = wanted.get(key, -1)
        rule = number_of[self.rule_of]
        rows = np.flatnonzero(rule >= 0)
        known = np.ones(len(rows), dtype=bool)
        spans = {name: nullable(values[rows], known) for name, values in self._spans.items()}
        of = np.array(ids, dtype=object)
        return Mart(
            self.name,
            ("disclosure_id", "check"),
            pd.DataFrame(
                {
                    "disclosure_id": of[self.disclosure[rows]],
                    "check": pd.Series([str(n) for n in rows.tolist()], dtype=object),
                    **spans,
                    RULE: nullable(rule[rows], known),
                }
            ),
            self.disclosure[rows],
            {},
        )

    @cached_property
    def _spans(self) -> dict[str, Ints]:
        rows = self.rows
        return {
            STATED: np.array([r.stated.value for r in rows], dtype=np.int64),
            STATED_HALF: np.array([r.stated.half for r in rows], dtype=np.int64),
            COMPUTED: np.array([r.computed.value for r in rows], dtype=np.int64),
            COMPUTED_HALF: np.array([r.computed.half for r in rows], dtype=np.int64),
        }


def collect(name: str, found: Mapping[str, Sequence[CheckRow]]) -> CheckMart:
    """A mart of the rows of all rules; rows that cannot be judged are kept beside it."""
    keys = tuple(found)
    rows: list[CheckRow] = []
    rule_of: list[int] = []
    missing: dict[str, tuple[CheckRow, ...]] = {}
    for n, key in enumerate(keys):
        judged = [r for r in found[key] if not r.missing and not r.clause]
        missing[key] = tuple(r for r in found[key] if r.missing or r.clause)
        rows += judged
        rule_of += [n] * len(judged)
    return CheckMart(
        name,
        keys,
        tuple(rows),
        np.array(rule_of, dtype=np.int64),
        np.array([r.disclosure for r in rows], dtype=np.int64),
        missing,
    )
