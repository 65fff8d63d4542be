"""Printed figures restyled: zero, blank, thousands separators, unit."""

from __future__ import annotations

from decimal import Decimal

from disclosures.amounts import CellState, MoneyUnit, parse_amount
from disclosures.rendering.layout import Numbers

_ORDINALS = "一二三四五六七八九"


def chinese(number: int) -> str:
    """1 to 99 as 一 … 九十九."""
    tens, ones = divmod(number, 10)
    head = ("" if tens == 1 else _ORDINALS[tens - 1]) + "十" if tens else ""
    return head + (_ORDINALS[ones - 1] if ones else "")


def plain(value: Decimal, decimals: int) -> str:
    """A decimal with that many decimals, half up, never ``-0.00``."""
    shown = f"{value:.{decimals}f}" if decimals == 0 else str(value.quantize(_step(decimals)))
    return shown.lstrip("-") if not any(digit in shown for digit in "123456789") else shown


def _step(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)


def restyle(
    text: str,
    numbers: Numbers,
    unit: MoneyUnit = MoneyUnit.WAN,
    to: MoneyUnit | None = None,
) -> str:
    """One printed figure in the layout's style.

    What is not a number (``"-"``, a remark, a spoiled cell) is left as given. A change of unit
    moves the point and keeps at least two decimals.
    """
    amount = parse_amount(text)
    if amount.state is CellState.BLANK and not text.strip():
        return text if numbers.blank == "as_given" else numbers.blank
    if amount.value is None:
        return text
    value, decimals = amount.value, amount.decimals or 0
    if value == 0 and numbers.zero != "as_given":
        return numbers.zero
    if to is not None and to is not unit:
        shift = unit.exponent - to.exponent
        value = value.scaleb(shift)
        decimals = max(2, decimals - shift)
    elif numbers.thousands == "as_given" and numbers.trailing_zeros == "as_given":
        return text
    separated = numbers.thousands == "add" or (numbers.thousands == "as_given" and "," in text)
    shown = f"{value:,.{decimals}f}" if separated else f"{value:.{decimals}f}"
    if numbers.trailing_zeros == "drop" and "." in shown:
        shown = shown.rstrip("0").rstrip(".")
    return shown
