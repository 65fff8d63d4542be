"""Printed amounts: parsing, units and the interval that a rounded figure stands for.

A figure printed with ``d`` decimals stands for every value within half a unit of its last
decimal (XBRL Calculations 1.1); identities are judged on these intervals, never on a constant.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final


class MoneyUnit(StrEnum):
    """Units in which departments print money, with their worth in 万元."""

    YUAN = "元"
    QIAN = "千元"
    WAN = "万元"
    BAIWAN = "百万元"
    YI = "亿元"

    @property
    def exponent(self) -> int:
        """Power of ten that turns this unit into 万元."""
        return _EXPONENTS[self]

    def to_wan(self, value: Decimal) -> Decimal:
        """Convert exactly; the printed decimals move with the point."""
        return value.scaleb(self.exponent)


_EXPONENTS: Final = {
    MoneyUnit.YUAN: -4,
    MoneyUnit.QIAN: -1,
    MoneyUnit.WAN: 0,
    MoneyUnit.BAIWAN: 2,
    MoneyUnit.YI: 4,
}

#: Integers in which the warehouse and the marts keep money, so that sums are exact on every
#: database: one tick is 10⁻⁸ 万元 (0.0001 元), finer than half a 分.
TICKS_PER_WAN: Final = 10**8


def to_ticks(amount_wan: Decimal) -> int:
    """万元 as ticks.

    Raises:
        ValueError: the amount is finer than a tick, which no printed figure is.
    """
    scaled = amount_wan * TICKS_PER_WAN
    ticks = int(scaled)
    if ticks != scaled:
        raise ValueError(f"{amount_wan} 万元 is finer than 10⁻⁸ 万元")
    return ticks


def from_ticks(ticks: int) -> Decimal:
    """Ticks as 万元, without trailing zeros beyond two decimals."""
    value = Decimal(int(ticks)) / TICKS_PER_WAN
    exact = value.normalize()
    return exact if -int(exact.as_tuple().exponent) > 2 else value.quantize(Decimal("0.01"))


class CellState(StrEnum):
    """Blank, zero and unreadable are three different things."""

    READ = "read"
    BLANK = "blank"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class PrintedAmount:
    """One money cell as printed: ``value`` in the printed unit, ``decimals`` as printed."""

    state: CellState
    text: str
    value: Decimal | None = None
    decimals: int | None = None

    def wan(self, unit: MoneyUnit) -> Decimal | None:
        """The amount in 万元, or None when blank or unreadable."""
        return None if self.value is None else unit.to_wan(self.value)


# "-", "—" and "–" stand for "nothing" in summary tables; "/" in a few provinces.
_NOTHING: Final = frozenset({"", "-", "--", "—", "——", "–", "－", "/"})
# "0.00 53" is two figures that a reader put into one cell, not 0.0053.
_TWO_FIGURES: Final = re.compile(r"\.\d{2,}\s+\d")
_NUMBER: Final = re.compile(
    r"^(?P<sign>[-+△▲])?(?P<open>\()?(?P<inner>-)?"
    r"(?P<digits>\d{1,3}(?:,\d{3})+|\d+)(?P<fraction>\.\d+)?(?P<close>\))?$"
)


# Every reader of a document prints the same figures, and many are zero.
@lru_cache(maxsize=16384)
def parse_amount(text: str) -> PrintedAmount:
    """Read one money cell.

    Accepts full-width digits, thousands separators, inner blanks, a leading minus, △ or ▲,
    and parentheses for negatives. Anything else with content is ``UNREADABLE``, never a guess.
    """
    shown = text.strip()
    plain = unicodedata.normalize("NFKC", shown)
    if _TWO_FIGURES.search(plain):
        return PrintedAmount(CellState.UNREADABLE, shown)
    plain = re.sub(r"\s+", "", plain).replace("−", "-").replace("﹣", "-")
    if plain in _NOTHING:
        return PrintedAmount(CellState.BLANK, shown)
    match = _NUMBER.match(plain)
    if match is None or bool(match["open"]) != bool(match["close"]):
        return PrintedAmount(CellState.UNREADABLE, shown)
    fraction = match["fraction"] or ""
    value = Decimal(match["digits"].replace(",", "") + fraction)
    negative = (match["sign"] in ("-", "△", "▲")) + bool(match["open"]) + bool(match["inner"])
    if negative > 1:
        return PrintedAmount(CellState.UNREADABLE, shown)
    return PrintedAmount(
        CellState.READ, shown, -value if negative else value, max(len(fraction) - 1, 0)
    )


def half_unit_wan(decimals: int, unit: MoneyUnit = MoneyUnit.WAN) -> Decimal:
    """Half of the last printed decimal, in 万元: 0.005 for two decimals in 万元."""
    return unit.to_wan(Decimal(5).scaleb(-(decimals + 1)))
