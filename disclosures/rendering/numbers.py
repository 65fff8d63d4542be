"""Printed figures restyled: zero, blank, thousands separators, unit."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from disclosures.amounts import CellState, MoneyUnit, parse_amount
from disclosures.rendering.layout import Numbers

_FULL_WIDTH = str.maketrans("0123456789.,", "０１２３４５６７８９．，")

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
    if amount.value == 0 and numbers.zero != "as_given":
        return _in_digits(numbers.zero, numbers)
    styles = (numbers.thousands, numbers.trailing_zeros, numbers.negative)
    shown = text
    if set(styles) != {"as_given"}:
        shown = _rewritten(text, amount.value, amount.decimals or 0, numbers)
    return _in_digits(shown, numbers)


def _rewritten(text: str, value: Decimal, decimals: int, numbers: Numbers) -> str:
    separated = numbers.thousands == "add" or (numbers.thousands == "as_given" and "," in text)
    size = abs(value)
    shown = f"{size:,.{decimals}f}" if separated else f"{size:.{decimals}f}"
    if numbers.trailing_zeros == "drop" and "." in shown:
        shown = shown.rstrip("0").rstrip(".")
    if value >= 0:
        return shown
    if numbers.negative == "parentheses":
        return f"({shown})"
    return ("△" if numbers.negative == "triangle" else "-") + shown


def _in_digits(shown: str, numbers: Numbers) -> str:
    return shown.translate(_FULL_WIDTH) if numbers.digits == "full_width" else shown


def in_unit(text: str, unit: MoneyUnit, to: MoneyUnit) -> str:
    """A figure in another unit without rounding: 12345.60 元 is 1.234560 万元."""
    amount = parse_amount(text)
    if unit is to or amount.value is None:
        return text
    moved = to.exponent - unit.exponent
    decimals = (amount.decimals or 0) + moved
    value = amount.value.scaleb(-moved)
    # 万元 of two decimals are whole hundreds of 元, printed with 分 all the same.
    return f"{value:.{max(decimals, 2)}f}"


def converted(text: str, unit: MoneyUnit, to: MoneyUnit) -> str:
    """A figure of the forms as the narrative prints it in its own unit, to two decimals."""
    value = parse_amount(text).value
    if unit is to or value is None:
        return text
    return f"{value.scaleb(unit.exponent - to.exponent).quantize(_step(2), ROUND_HALF_UP):.2f}"
