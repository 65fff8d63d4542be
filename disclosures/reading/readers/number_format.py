"""Spreadsheet numbers as the sheet shows them."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

# Parts of a section that print nothing of the number: colours and conditions in brackets, padding
# ("_)"), filling ("*-"); and parts that print themselves: quoted and escaped text.
_SILENT = re.compile(r"\[[^\]]*\]|_.|\*.")
_LITERAL = re.compile(r'"([^"]*)"|\\(.)')
_DIGITS = re.compile(r"[#0?][#0?,]*(?:\.[#0?]*,*)?|\.[#0?]+,*")


def shown_number(value: float | int, number_format: str | None) -> str:
    """A number under an Excel number format: ``(12.5, "#,##0.00")`` is ``"12.50"``.

    Decimals, thousands commas that divide, and sections that hide zeros are followed, because
    they decide what the reader of the sheet sees; separators and currency signs are left out.
    """
    exact = Decimal(format(value, ".15g"))
    section = _section(number_format or "General", exact)
    if section is None:
        return format(exact.normalize() if exact == exact.to_integral() else exact, "f")
    if not section:
        return ""
    digits = _DIGITS.search(section.replace("\x00", " "))
    if digits is None:
        # A section without digits shows its text: "-" for zero in accounting formats.
        return section.replace("\x00", "").strip()
    pattern = digits[0]
    exact = exact.scaleb(-3 * (len(pattern) - len(pattern.rstrip(","))))
    if "%" in section:
        exact = exact.scaleb(2)
    decimals = len(pattern.rstrip(",").partition(".")[2])
    rounded = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    shown = format(abs(rounded) if rounded == 0 else rounded, "f")
    return f"{shown}%" if "%" in section else shown


def _section(number_format: str, value: Decimal) -> str | None:
    """The section that applies, cleaned; None for General and text; empty hides the number."""
    sections = _sections(number_format)
    if len(sections) >= 3 and value == 0:
        return sections[2]
    if len(sections) >= 2 and value < 0:
        return sections[1]
    return sections[0]


@lru_cache(maxsize=512)
def _sections(number_format: str) -> tuple[str | None, ...]:
    parts: list[str] = []
    current = ""
    quoted = escaped = False
    for sign in number_format:
        if sign == ";" and not quoted and not escaped:
            parts.append(current)
            current = ""
            continue
        escaped = sign == "\\" and not escaped
        if sign == '"':
            quoted = not quoted
        current += sign
    parts.append(current)
    return tuple(_cleaned(part) for part in parts[:3])


def _cleaned(section: str) -> str | None:
    plain = _LITERAL.sub(lambda match: match[1] or match[2] or "", _SILENT.sub("", section))
    if plain.strip().lower() == "general" or plain.strip() == "@":
        return None
    # "?" keeps room for a digit; a section of such alone prints blanks.
    return plain.strip().rstrip("?") if not re.search(r"[#0]", plain) else plain.strip()
