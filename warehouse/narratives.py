"""The narratives of a batch: their statements as spans, in order, by subject and measure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple

from disclosures.forms import squeeze
from warehouse.checks import (
    MONEY_UNITS,
    PLAIN,
    SCALE,
    Evidence,
    Known,
    Span,
    decimals_of,
    number,
    span_of,
    span_of_text,
)
from warehouse.marts import Builder

_UP: Final = frozenset(
    ["增加", "增长", "上升", "提高", "上涨", "净增", "增幅", "增收", "增支"]
) | frozenset(["多", "高", "超", "大于", "高于", "多于", "超过", "超出"])
_DOWN: Final = frozenset(
    ["减少", "下降", "降低", "压减", "压缩", "节约", "降幅", "减幅", "减收", "减支", "节支"]
) | frozenset(["少", "低", "小于", "低于", "少于"])
BUDGETS: Final = ("budget_initial", "budget_full")


class Said(NamedTuple):
    """One statement, its figure as a span; ``sign`` is that of its direction word. What has no
    figure has a ``word``."""

    position: int
    order: int
    section: str
    chapter: str
    subject: str
    measure: str
    span: Span
    printed: str
    unit: str
    quote: str
    sign: int
    versus: str
    word: str = ""

    @property
    def lead(self) -> str:
        """The words of its sentence before the figure."""
        return plain_quote(self.quote).partition(self.printed)[0]

    def known(self) -> Known:
        return Known(self.span, (Evidence("statement", position=self.position),))


@lru_cache(maxsize=65536)
def _chapter(section: str) -> str:
    match = re.match(r"(?:[^/]*/)?[一二三四五六七八九十]+", section)
    return match[0] if match else section


class Vocabulary:
    """The subjects of which the narratives of a batch speak."""

    def __init__(self, subjects: Iterable[str]) -> None:
        self._subjects = frozenset(subjects)
        self._fitting: dict[str, frozenset[str]] = {}

    def fitting(self, pattern: str) -> frozenset[str]:
        """The subjects that fit a pattern as a whole."""
        found = self._fitting.get(pattern)
        if found is None:
            fits = re.compile(pattern).fullmatch
            found = self._fitting[pattern] = frozenset(s for s in self._subjects if fits(s))
        return found


@dataclass
class Narrative:
    """The statements of one disclosure, in reading order; ``doubtful`` are the positions of those
    whose subject the words before the figure do not bear out, ``worded`` the comparisons without
    a figure."""

    disclosure: int
    said: list[Said]
    worded: list[Said]
    doubtful: frozenset[int]
    vocabulary: Vocabulary
    subjects: frozenset[str] = field(init=False)
    by_measure: dict[str, list[Said]] = field(init=False)
    by_name: dict[tuple[str, str], list[Said]] = field(init=False)
    """By subject and measure."""
    _found: dict[tuple[str, tuple[str, ...]], list[Said]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.subjects = frozenset(one.subject for one in self.said)
        self.by_measure, self.by_name = defaultdict(list), defaultdict(list)
        for one in self.said:
            self.by_measure[one.measure].append(one)
            self.by_name[one.subject, one.measure].append(one)

    @cached_property
    def by_quote(self) -> dict[str, list[Said]]:
        """Its statements by sentence."""
        found: dict[str, list[Said]] = defaultdict(list)
        for one in self.said:
            found[one.quote].append(one)
        return found

    @cached_property
    def quotes(self) -> dict[int, str]:
        """The sentences of its statements, by position."""
        return {one.position: one.quote for one in self.said}

    @cached_property
    def money_half(self) -> int:
        """Half a unit of the last decimal that most of its money has, in ticks of 万元."""
        halves = Counter(
            s.span.half for s in self.said if s.unit in MONEY_UNITS and not s.span.is_zero
        )
        return halves.most_common(1)[0][0] if halves else 0

    def as_told(self, known: Known) -> Known:
        """A cell's figure as it would be told: percentages may have been computed from amounts
        in 万元 where the forms print 元."""
        span = known.span
        if span.is_zero or span.half >= self.money_half:
            return known
        return Known(Span(span.value, self.money_half), known.evidence)

    def of(self, subject: str, measures: Sequence[str]) -> list[Said]:
        """Statements whose subject fits a pattern."""
        key = (subject, tuple(measures))
        found = self._found.get(key)
        if found is None:
            if subject in self.subjects:
                groups = [self.by_name.get((subject, measure), []) for measure in measures]
            else:
                fitting = self.vocabulary.fitting(subject)
                groups = [
                    [s for s in self.by_measure.get(measure, ()) if s.subject in fitting]
                    for measure in measures
                ]
            found = groups[0] if len(groups) == 1 else [s for group in groups for s in group]
            if len(groups) > 1:
                found.sort(key=_in_order)
            self._found[key] = found
        return found


def _in_order(said: Said) -> int:
    return said.order


@lru_cache(maxsize=65536)
def fits_whole(pattern: str, subject: str) -> bool:
    return re.fullmatch(pattern, subject) is not None


@lru_cache(maxsize=262144)
def searched(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None


def _sign(direction: str | None) -> int:
    if direction in _UP:
        return 1
    return -1 if direction in _DOWN else 0


def narratives(builder: Builder) -> dict[int, Narrative]:
    """The statements of every disclosure that has any, by its number in the batch."""
    frame = builder.batch.statements
    if not len(frame):
        return {}
    order = {str(i): n for n, i in enumerate(builder.batch.disclosures["disclosure_id"])}
    raw: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    columns = (
        "disclosure_id",
        "section",
        "subject",
        "measure",
        "value",
        "unit",
        "quote",
        "direction",
        "versus",
    )
    for position, row in enumerate(zip(*(frame[c].tolist() for c in columns), strict=True)):
        raw[order[row[0]]].append((position, *row[1:]))
    vocabulary = Vocabulary(frame["subject"].unique().tolist())
    told: dict[int, Narrative] = {}
    for d, rows in raw.items():
        said = [s for s in _spans(rows) if not _of_another_year(s, int(builder.year[d]))]
        worded = list(_worded(rows))
        told[d] = Narrative(d, said, worded, frozenset(_ill_named(said)), vocabulary)
    return told


#: Names that often stand close together, so that a figure without a name of its own (or one that
#: was left blank before it) may have been given the wrong one.
_NEIGHBOURS: Final = re.compile(
    "(?P<三公经费>三公)|(?P<因公出国>因公出国)|(?P<公务用车购置及运行>公务用车购置(?:及|和)运行)"
    "|(?P<公务用车购置费>公务用车(?:更新)?购置)|(?P<公务用车运行>公务用车运行)|(?P<公务接待费>公务接待)"
)
_CHECKED_NAMES: Final = frozenset({"amount", "change_amount", "change_pct", *BUDGETS})


def _ill_named(said: Sequence[Said]) -> Iterator[int]:
    """Positions of statements whose subject is not the one that was named last before them."""
    reached: dict[str, int] = defaultdict(int)
    here: set[str] = set()
    above: set[str] = set()
    quote, text = "", ""
    for one in said:
        if one.quote != quote:
            quote, here, above = one.quote, set(), here
            text = plain_quote(quote)
        here.add(one.subject)
        at = text.find(f"{one.printed}{squeeze(one.unit)}", reached[one.quote])
        if at < 0:
            continue
        before = text[reached[one.quote] : at]
        reached[one.quote] = at + len(one.printed)
        if one.measure not in _CHECKED_NAMES:
            continue
        # A change whose sentence names nothing may be that of any of those named above it.
        nameless = one.measure.startswith("change") and squeeze(one.subject)[:4] not in text[:at]
        if nameless and len(above) > 1 and one.subject in above and here == {one.subject}:
            yield one.position
            continue
        income = one.subject.endswith("收入") and re.search(r"支出[^收]*$", before)
        expense = one.subject.endswith("支出") and re.search(r"收入[^支]*$", before)
        # No name holds a digit, so none reaches across a figure.
        named = (
            [m.lastgroup for m in _NEIGHBOURS.finditer(text, 0, at)] if _has(one.subject) else []
        )
        last = named[-1] if named else None
        if income or expense or (last is not None and not one.subject.startswith(last)):
            yield one.position


@lru_cache(maxsize=65536)
def _has(subject: str) -> bool:
    """Whether a subject is one of the neighbours."""
    return _NEIGHBOURS.match(subject) is not None


def _of_another_year(said: Said, year: int) -> bool:
    """Whether an amount is given as that of another year ("2022年为42.86万元"): everything that is
    checked is of the year of the accounts."""
    if said.measure in ("change_amount", "change_pct", "share", "completion"):
        return False
    clauses = _clauses(said.quote, year)
    mine = [another for clause, another in clauses if _prints(clause, said.printed)]
    return bool(mine) and all(mine)


def _prints(clause: str, printed: str) -> bool:
    """Whether a clause holds a figure, and not as a part of a longer one."""
    start = clause.find(printed)
    while start >= 0:
        end = start + len(printed)
        before, after = clause[start - 1 : start], clause[end : end + 1]
        if not _in_figure(before) and not _in_figure(after):
            return True
        start = clause.find(printed, start + 1)
    return False


def _in_figure(character: str) -> bool:
    return character == "." or character.isdecimal()


@lru_cache(maxsize=256)
def plain_quote(quote: str) -> str:
    return _THOUSANDS.sub("", squeeze(quote))


_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3})")
_LAST_YEAR: Final = re.compile(r"上年|去年|上一年")
_YEAR: Final = re.compile(r"(20\d{2})年")


@lru_cache(maxsize=256)
def _clauses(quote: str, year: int) -> tuple[tuple[str, bool], ...]:
    """The clauses of a sentence, each with whether it speaks of another year; none of a sentence
    that does not."""
    plain = plain_quote(quote)
    if not _LAST_YEAR.search(plain) and not any(int(y) != year for y in _YEAR.findall(plain)):
        return ()
    clauses = [(c, _names_another_year(c, year)) for c in _CLAUSE_ENDS.split(plain)]
    return tuple(clauses) if any(another for _, another in clauses) else ()


_CLAUSE_ENDS: Final = re.compile(r"[,，;；:：。]")


def _names_another_year(clause: str, year: int) -> bool:
    if _LAST_YEAR.search(clause):
        return True
    years = {int(y) for y in _YEAR.findall(clause)}
    return year >= 0 and bool(years) and year not in years


def _spans(rows: Sequence[tuple[Any, ...]]) -> list[Said]:
    """Statements with spans. A zero is as precise as the money of its narrative usually is,
    because "0万元" was not rounded from a few thousand 元."""
    # As text where that is plain: a Decimal costs more than all that is asked of it here.
    numbers: list[str | Decimal | None] = [
        text if text is not None and PLAIN.fullmatch(text) else number(text)
        for text in (row[4] for row in rows)
    ]
    shown_of = [_decimals(value) for value in numbers]
    money = [
        shown
        for value, shown, row in zip(numbers, shown_of, rows, strict=True)
        if row[5] in MONEY_UNITS and value is not None and not _is_nothing(value)
    ]
    usual = max((d for d in set(money) if 10 * sum(m >= d for m in money) >= len(money)), default=2)
    said: list[Said] = []
    for n, (row, value, shown) in enumerate(zip(rows, numbers, shown_of, strict=True)):
        if value is None:
            continue
        position, section, subject, measure, _, unit, quote, direction, versus = row
        if unit in MONEY_UNITS or unit == "%":
            decimals = shown
            if _is_nothing(value):
                decimals = max(shown, usual if unit in MONEY_UNITS else 2)
            span = (
                span_of_text(value, shown, decimals, unit)
                if isinstance(value, str)
                else span_of(value, decimals, unit)
            )
        else:
            span = Span(int(Decimal(value) * SCALE))
        said.append(
            Said(
                position,
                n,
                section or "",
                _chapter(section or ""),
                subject,
                measure,
                span,
                str(row[4]),
                unit,
                quote,
                _sign(direction),
                versus or "",
            )
        )
    return said


def _decimals(value: str | Decimal | None) -> int:
    if isinstance(value, str):
        return len(value.partition(".")[2])
    return 0 if value is None else decimals_of(value)


def _is_nothing(value: str | Decimal) -> bool:
    return not value.strip("-0.") if isinstance(value, str) else not value


def _worded(rows: Sequence[tuple[Any, ...]]) -> Iterator[Said]:
    """Comparisons in words; they have a place in the order of the statements."""
    for n, row in enumerate(rows):
        position, section, subject, measure, _, unit, quote, direction, versus = row
        if measure == "compare" and direction:
            yield Said(
                position,
                n,
                section or "",
                _chapter(section or ""),
                subject,
                measure,
                Span(0),
                "",
                unit or "",
                quote,
                0,
                versus or "",
                direction,
            )
