"""Spreadsheet numbers as the sheet shows them."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

# Parts of a section that print nothing of the number: colours and conditions in brackets, padding
# ("_)"), filling ("*-"); and parts that print themselves: quoted and escaped text.
_SILENT = re.compile(r"\[[^\]]*\]|_.|\*.")
_LITERAL = re.compile(r'"([^"]*)"|[\\!](.)')
_DIGITS = re.compile(r"[#0?][#0?,]*(?:\.[#0?]*,*)?|\.[#0?]+,*")
# A text between places for digits, as in 0"."0000, which shows yuan in ten thousands.
_PARTED = re.compile(r"[#0?][#0?,]*(?:\x01[^\x02]*\x02[#0?,]+)+(?![#0?,.])")
_PART = re.compile(r"\x01([^\x02]*)\x02")


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
    if parted := _PARTED.search(section):
        # "446.05万" says by itself what it is counted in, whatever stands above the table.
        scale = re.match(r"\x01?\s*([万亿])", section[parted.end() :])
        return _parted(exact, parted[0]) + (scale[1] if scale else "")
    section = _PART.sub(r"\1", section)
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


def _parted(value: Decimal, pattern: str) -> str:
    """A whole number with text between its digits: ``(4460500, "0<.>0000")`` is ``446.0500``."""
    places = pattern.rstrip(",")
    value = value.scaleb(-3 * (len(pattern) - len(places)))
    digits = format(abs(value).quantize(Decimal(1), rounding=ROUND_HALF_UP), "f")
    shown = ""
    for between in reversed(_PART.findall(places)):
        width = len(re.sub(r"[^#0?]", "", places[places.rindex("\x02") :]))
        digits = digits.rjust(width, "0")
        shown = f"{between}{digits[len(digits) - width :]}{shown}"
        digits = digits[: len(digits) - width]
        places = places[: places.rindex("\x01")]
    shown = f"{digits or '0'}{shown}"
    return f"-{shown}" if value < 0 and shown.strip("0.") else shown


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


def _held(literal: re.Match[str]) -> str:
    text = literal[1] or literal[2] or ""
    # Blanks between digits separate thousands.
    return f"\x01{text}\x02" if text.strip() else ""


def _cleaned(section: str) -> str | None:
    # Text is held apart: only where it stands between places for digits does it part them.
    plain = _LITERAL.sub(_held, _SILENT.sub("", section))
    if not _PARTED.search(plain):
        plain = _PART.sub(r"\1", plain)
    if plain.strip().lower() == "general" or plain.strip() == "@":
        return None
    # "?" keeps room for a digit; a section of such alone prints blanks.
    return plain.strip().rstrip("?") if not re.search(r"[#0]", plain) else plain.strip()
