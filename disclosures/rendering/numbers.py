"""Printed figures restyled: zero, blank, thousands separators, unit."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from disclosures.amounts import CellState, MoneyUnit, parse_amount
from disclosures.rendering.layout import Numbers

_ORDINALS = "一二三四五六七八九"


def chinese(number: int) -> str:
    """1 to 99 as 一 … 九十九."""
    tens, ones = divmod(number, 10)
    head = ("" if tens == 1 else _ORDINALS[tens - 1]) + "十" if tens else ""
    return head + (_ORDINALS[ones - 1] if ones else "")


def _step(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)


def restyle(text: str, numbers: Numbers) -> str:
    """One printed figure in the layout's style.

    What is not a number (``"-"``, a remark, a spoiled cell) is left as given.
    """
    amount = parse_amount(text)
    if amount.state is CellState.BLANK and not text.strip():
        return text if numbers.blank == "as_given" else numbers.blank
    if amount.value is None:
        return text
    value, decimals = amount.value, amount.decimals or 0
    if value == 0 and numbers.zero != "as_given":
        return numbers.zero
    if numbers.thousands == "as_given" and numbers.trailing_zeros == "as_given":
        return text
    separated = numbers.thousands == "add" or (numbers.thousands == "as_given" and "," in text)
    shown = f"{value:,.{decimals}f}" if separated else f"{value:.{decimals}f}"
    if numbers.trailing_zeros == "drop" and "." in shown:
        shown = shown.rstrip("0").rstrip(".")
    return shown


def converted(text: str, unit: MoneyUnit, to: MoneyUnit) -> str:
    """A figure of the forms as the narrative prints it in its own unit, to two decimals."""
    value = parse_amount(text).value
    if unit is to or value is None:
        return text
    return f"{value.scaleb(unit.exponent - to.exponent).quantize(_step(2), ROUND_HALF_UP):.2f}"
