"""Spreadsheet numbers as the sheet shows them.

What a cell shows is what auditors see, and what stands in it may be something else: a number
format scales, rounds, hides, adds words, or makes a date of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Final, Literal, NamedTuple, cast


@dataclass(frozen=True, slots=True)
class ShownNumber:
    """``figure`` is the number as shown, without separators, currency signs and padding.
    ``shown`` is what the sheet shows where that is more or other than a figure (``12.5万``,
    ``1 1/2``, nothing), else None."""

    figure: str
    shown: str | None = None


_Kind = Literal["digit", "point", "comma", "percent", "word", "general", "odd"]


class _Token(NamedTuple):
    kind: _Kind
    text: str


@dataclass(frozen=True, slots=True)
class _Section:
    """One section of a format. ``odd`` shows numbers by other means than their digits: as dates,
    fractions or powers of ten."""

    tokens: tuple[_Token, ...]
    condition: tuple[str, Decimal] | None
    red: bool

    @property
    def odd(self) -> bool:
        return any(token.kind == "odd" for token in self.tokens)

    @property
    def has_digits(self) -> bool:
        return any(token.kind in ("digit", "general") for token in self.tokens)


_LEXER: Final = re.compile(
    r"""
      "(?P<quoted>[^"]*)"?
    | [\\!](?P<escaped>.?)
    | \[\$(?P<currency>[^\]-]*)[^\]]*\]
    | \[(?P<condition>[<>=]+)\s*(?P<bound>-?[\d.]+(?:E[+-]?\d+)?)\]
    | \[(?P<elapsed>[hmsHMS]+)\]
    | \[(?P<note>[^\]]*)\]
    | [_*](?P<padding>.?)
    | (?P<general>General|G/通用格式)
    | (?P<odd>(?<=[0\#?])E[+-](?=[0\#?])|(?<=[0\#?])\s*/\s*(?=[\d\#?])
        |AM/PM|A/P|上午/下午|[ymdhseYMDHSEgGbBaA]+)
    | (?P<digit>[0\#?])
    | (?P<point>\.)
    | (?P<comma>,)
    | (?P<percent>%)
    | (?P<word>.)
    """,
    re.X | re.S,
)
_RED: Final = re.compile(r"red|红色?|color\s*3", re.I)
# Words that say nothing of the amount, whoever prints them.
_CURRENCY: Final = re.compile(r"[¥￥$€]|RMB|CNY|人民币|\s", re.I)
_NEGATIVE: Final = re.compile(r"[-−－△▲]|\(.*\)|（.*）", re.S)
_SIGNS: Final = re.compile(r"[-−－△▲+()（）]")
_NOTHING: Final = re.compile(r"[-—–－/]*")
_MOST_DIGITS: Final = 20


def shown_number(value: float | int, number_format: str | None) -> ShownNumber:
    """A number under an Excel number format: ``(12.5, "#,##0.00")`` is ``12.50``.

    A figure that shows without its sign, or not at all, says so in ``shown``.
    """
    exact = Decimal(format(value, ".15g"))
    if exact.adjusted() > _MOST_DIGITS:
        return ShownNumber("0", str(exact))
    section, signed = _choose(_sections(number_format or "General"), exact)
    if section is None:
        # No section of the format is meant for it: cells then show ###.
        return ShownNumber(_plain(exact), _but("####", exact))
    if section.odd:
        return _odd(section, exact)
    digits, words, laid_out = _laid_out(section, exact)
    rounded = Decimal(digits or "0")
    if not digits:
        # A dash for zero, as accountants write it, or nothing.
        bare = _CURRENCY.sub("", laid_out)
        if exact and not section.has_digits:
            return ShownNumber(_plain(exact), _but(laid_out, exact))
        return ShownNumber(bare) if _NOTHING.fullmatch(bare) else ShownNumber("0", laid_out)
    percent = "%" * sum(token.kind == "percent" for token in section.tokens)
    minus = signed and exact < 0
    negative = minus or bool(_NEGATIVE.search(words)) or (section.red and exact < 0)
    figure = f"{'-' if exact < 0 and rounded else ''}{digits}{percent}"
    if rounded and negative != (exact < 0):
        return ShownNumber(figure, _but(laid_out, exact))
    if _SIGNS.sub("", _CURRENCY.sub("", words)):
        shown = f"{'-' if minus and rounded else ''}{laid_out}"
        # Whether "446.1万" for 4460500 counts in what stands above the table, nobody can tell.
        divided = abs(abs(exact) - rounded) > abs(exact) / 2
        return ShownNumber(figure, _but(shown, exact) if divided else shown)
    return ShownNumber(figure)


def is_date_format(number_format: str | None) -> bool:
    """Whether a format shows numbers as dates or times."""
    section, _ = _choose(_sections(number_format or "General"), Decimal(1))
    return section is not None and any(
        token.kind == "odd" and token.text.replace("/", "").isalpha() for token in section.tokens
    )


def _odd(section: _Section, exact: Decimal) -> ShownNumber:
    figure = _plain(exact)
    whole = exact == exact.to_integral()
    if whole and any(t.kind == "odd" and t.text.strip() == "/" for t in section.tokens):
        return ShownNumber(figure)
    return ShownNumber(figure, f"{figure}（未按数字显示）")


def _but(shown: str, exact: Decimal) -> str:
    return f"{shown}（实为{_plain(exact)}）"


def _plain(exact: Decimal) -> str:
    return format(exact.normalize() if exact == exact.to_integral() else exact, "f")


def _choose(sections: tuple[_Section, ...], value: Decimal) -> tuple[_Section | None, bool]:
    """The section that shows a number, and whether a minus is set before what it shows."""
    if any(section.condition for section in sections):
        for number, section in enumerate(sections):
            if section.condition is None:
                if number == len(sections) - 1 or (number == 1 and value < 0):
                    return section, True
                continue
            sign, bound = section.condition
            if _holds(value, sign, bound):
                return section, not (sign in ("<", "<=") and bound <= 0)
        return None, True
    if len(sections) >= 3 and value == 0:
        return sections[2], False
    if len(sections) >= 2 and value < 0:
        return sections[1], False
    return sections[0], True


def _holds(value: Decimal, sign: str, bound: Decimal) -> bool:
    match sign:
        case "<":
            return value < bound
        case "<=":
            return value <= bound
        case ">":
            return value > bound
        case ">=":
            return value >= bound
        case "<>":
            return value != bound
        case _:
            return value == bound


def _laid_out(section: _Section, exact: Decimal) -> tuple[str, str, str]:
    """The digits of a number without its sign, the words around and between them, and both as
    they stand."""
    tokens = list(section.tokens)
    if general := next((t for t in tokens if t.kind == "general"), None):
        digits = _plain(abs(exact))
        laid_out = "".join(digits if t is general else t.text for t in tokens)
        return digits, "".join(t.text for t in tokens if t.kind == "word"), laid_out.strip()
    kinds = [token.kind for token in tokens]
    if "point" in kinds and "digit" not in kinds[: kinds.index("point")]:
        tokens.insert(kinds.index("point"), _Token("digit", "#"))
    places = [n for n, token in enumerate(tokens) if token.kind == "digit"]
    point = next((n for n, token in enumerate(tokens) if token.kind == "point"), len(tokens))
    whole = [n for n in places if n < point]
    parts = [n for n in places if n > point]
    scaled = abs(exact).scaleb(2 * sum(token.kind == "percent" for token in tokens))
    # Commas behind the last digit divide by thousands; others separate them.
    for end in {max(whole, default=-1), max(parts, default=-1)} - {-1}:
        for token in tokens[end + 1 :]:
            if token.kind != "comma":
                break
            scaled = scaled.scaleb(-3)
    rounded = scaled.quantize(Decimal(1).scaleb(-len(parts)), rounding=ROUND_HALF_UP)
    before, _, behind = format(rounded, "f").partition(".")
    printed: dict[int, str] = {}
    left = before if rounded.to_integral(rounding="ROUND_DOWN") else ""
    for n in reversed(whole):
        if n == whole[0]:
            printed[n] = left or ("0" if tokens[n].text == "0" else "")
        else:
            printed[n] = left[-1:] or ("0" if tokens[n].text == "0" else "")
            left = left[:-1]
    kept = len(parts)
    while kept and behind[kept - 1] == "0" and tokens[parts[kept - 1]].text != "0":
        kept -= 1
    printed |= {n: behind[k] for k, n in enumerate(parts[:kept])}
    # A point between quotes parts the figure as a real one does: 0"."0000 shows ten thousands.
    points = [n for n in whole[:1] for n in range(n, whole[-1]) if tokens[n].text in (".", "．")]
    digits = laid_out = words = ""
    for n, token in enumerate(tokens):
        if n in printed:
            digits += printed[n]
            laid_out += printed[n]
        elif token.kind == "point":
            digits += "." if kept else ""
            laid_out += "."
        elif token.kind == "percent":
            laid_out += "%"
        elif token.kind == "word":
            laid_out += token.text
            if points == [n] and not parts:
                digits += "."
            else:
                words += token.text
    if not digits.strip("."):
        return "", words, laid_out.strip()
    return (f"0{digits}" if digits.startswith(".") else digits), words, laid_out.strip()


@lru_cache(maxsize=512)
def _sections(number_format: str) -> tuple[_Section, ...]:
    sections: list[_Section] = []
    tokens: list[_Token] = []
    condition: tuple[str, Decimal] | None = None
    red = False
    for match in [*_LEXER.finditer(number_format), None]:
        if match is None or match[0] == ";":
            sections.append(_Section(tuple(tokens), condition, red))
            tokens, condition, red = [], None, False
            continue
        kind = match.lastgroup
        text = match[kind] if kind else ""
        if kind == "bound":
            condition = (match["condition"], Decimal(match["bound"]))
        elif kind == "note":
            red = red or bool(_RED.fullmatch(text))
        elif kind in ("quoted", "escaped", "currency"):
            tokens += [_Token("word", sign) for sign in text]
        elif kind == "elapsed":
            tokens.append(_Token("odd", text))
        elif kind in ("digit", "point", "comma", "percent", "general", "odd"):
            tokens.append(_Token(cast(_Kind, kind), text))
        elif kind == "word":
            # "@" shows a number as it is.
            tokens.append(_Token("general" if text == "@" else "word", text))
    return tuple(sections[:3])
