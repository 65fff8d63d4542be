"""Checks of the narrative: every stated figure against its cell, its parts and its neighbours.

What is checked is data: a rule of the catalogue carries one of the shapes below, which pick
statements by subject, measure and section, and name the figures to compare them with. A **term**
names such a figure:

* ``cell:01.income.income_total.amount``: a cell, or sum of cells, by address;
* ``item:05.total``: the cell of the 类, 款 or 项 that the statement is about, in a column;
* ``own:amount``: the nearest statement of the same subject in the same section; ``own:budget``
  is either kind of budget;
* ``said:amount:三公经费``: the nearest statement of another subject (a pattern), in the same
  section, else in the same chapter, else anywhere.

Where several terms are given, or one names several figures, the check holds if any of them fits:
what is ambiguous is never called an error.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import product as combinations
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from disclosures.forms import forms, squeeze
from warehouse.addresses import Address, Gap
from warehouse.checks import (
    MONEY_UNITS,
    PLAIN,
    SCALE,
    CheckMart,
    CheckRow,
    Evidence,
    Known,
    Relation,
    Span,
    collect,
    decimals_of,
    number,
    percentage,
    product,
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
_BUDGETS: Final = ("budget_initial", "budget_full")
_PATH: Final = re.compile(
    r"(?P<class>[^,，。;；：:、]*?)\(类\)(?P<section>[^,，。;；：:]*?)\(款\)(?P<item>[^,，。;；：:]*?)\(项\)"
)
#: "与2023年预算基本持平" compares with a budget, whatever year it names.
_BUDGET_BESIDE: Final = r"预算[^,;:。]{0,8}(?:持平|一致|相同|相等|差异|变化|增减)"
#: A cut or wrapped name is taken for the name that it begins, from this many characters on.
_CUT_NAME: Final = 6


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pick(_Spec):
    """Statements by what they say. Patterns: ``subject`` must fit as a whole, the others are
    searched for; ``versus`` is with what a change compares, or of what a share is."""

    subject: str = ".*"
    measure: tuple[str, ...]
    section: str = ""
    not_section: str = ""
    quote: str = ""
    not_quote: str = ""
    versus: str = ""


class Tie(_Spec):
    """A stated figure equals (or does not exceed) one of some figures."""

    shape: Literal["tie"]
    pick: Pick
    equals: tuple[str, ...]
    relation: Relation = "equal"


class Ratio(_Spec):
    """A stated percentage is that of one of some pairs of part and whole. ``less_one``: of their
    difference to the whole; ``unsigned``: printed with or without its sign. ``trimmed``: of shares
    that add to exactly 100 each may be off by a unit more. ``same_sentence``: part and whole stand
    beside it. ``of_nothing``: checks only those whose part and whole are zero."""

    shape: Literal["ratio"]
    pick: Pick
    of: tuple[tuple[str, str], ...]
    less_one: bool = False
    unsigned: bool = False
    trimmed: bool = False
    same_sentence: bool = False
    of_nothing: bool = False


class Growth(_Spec):
    """A stated rate of change is the change over the figure before it: change / (current −
    change)."""

    shape: Literal["growth"]
    pick: Pick
    current: tuple[str, ...]


class Direction(_Spec):
    """Amount and rate of one change go the same way."""

    shape: Literal["direction"]
    pick: Pick


class Sum(_Spec):
    """Stated parts add to a stated total (or not to more). ``parts`` are groups of subjects that
    are complete without ``optional``; the first group of which all are stated counts. ``each``
    adds up every statement of a pattern. ``cut``: figures may have been cut instead of rounded.
    ``every_figure``: only where every figure of the total's unit in the sentence was understood."""

    shape: Literal["sum"]
    total: Pick
    parts: tuple[tuple[str, ...], ...] = ()
    optional: tuple[str, ...] = ()
    each: str = ""
    at_least: int = 2
    within: Literal["quote", "section", "chapter"] = "section"
    relation: Relation = "equal"
    cut: bool = False
    every_figure: bool = False


class Weighted(_Spec):
    """A stated total is the sum of amounts times the share that is stated for each: pairs of
    subjects. An amount of zero needs no share."""

    shape: Literal["weighted"]
    total: str
    kinds: tuple[tuple[str, str], ...]


class Prior(_Spec):
    """The figure of the year before that a stated change implies: equal to (or not less than)
    the sum of what others imply."""

    shape: Literal["prior"]
    whole: str
    parts: tuple[tuple[str, ...], ...] = ()
    relation: Relation = "equal"
    within: Literal["chapter", "disclosure"] = "disclosure"


class NotBudget(_Spec):
    """The year before that a change implies is not this year's initial budget."""

    shape: Literal["not_budget"]
    pick: Pick
    budget: str


class Repeat(_Spec):
    """A figure that is stated again is the same."""

    shape: Literal["repeat"]
    pick: Pick


class Worded(_Spec):
    """What a sentence says in words of an amount beside a budget or the year before (持平, 大于,
    小于) is what the stated figures say. Figures that meet within their rounding bear out every
    word."""

    shape: Literal["worded"]
    pick: Pick
    words: tuple[str, ...]


class Bases(_Spec):
    """Two rates of one section start from the same initial budget: a stated adjustment of the
    budget, and a rate of completion that is not that of the stated full-year budget."""

    shape: Literal["bases"]
    pick: Pick


class Named(_Spec):
    """A list of names in a sentence is that of the non-zero lines of a form."""

    shape: Literal["named"]
    pick: Pick
    after: str
    form: str
    classes: str


StatementShape = (
    Tie
    | Ratio
    | Growth
    | Direction
    | Sum
    | Weighted
    | Prior
    | NotBudget
    | Repeat
    | Worded
    | Bases
    | Named
)


def addresses_of(shape: StatementShape) -> Iterator[Address]:
    """The cells that a shape names.

    Raises:
        ValueError: a term is malformed or names no figure of the forms.
    """
    terms: list[str] = []
    if isinstance(shape, Tie):
        terms = list(shape.equals)
    elif isinstance(shape, Ratio):
        terms = [term for pair in shape.of for term in pair]
    elif isinstance(shape, Growth):
        terms = list(shape.current)
    elif isinstance(shape, NotBudget):
        terms = [shape.budget]
    for term in terms:
        kind, _, rest = term.partition(":")
        if kind == "cell":
            yield Address.parse(rest)
        elif kind == "item":
            form, _, column = rest.partition(".")
            Address.parse(f"{form}.each.{column}")
        elif kind not in ("own", "said") or not rest:
            raise ValueError(f"{term}: no such term")


# ------------------------------------------------------------------------------------ statements


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
        return _plain(self.quote).partition(self.printed)[0]

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
def _fits(pattern: str, subject: str) -> bool:
    return re.fullmatch(pattern, subject) is not None


@lru_cache(maxsize=262144)
def _searched(pattern: str, text: str) -> bool:
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
_CHECKED_NAMES: Final = frozenset({"amount", "change_amount", "change_pct", *_BUDGETS})


def _ill_named(said: Sequence[Said]) -> Iterator[int]:
    """Positions of statements whose subject is not the one that was named last before them."""
    reached: dict[str, int] = defaultdict(int)
    here: set[str] = set()
    above: set[str] = set()
    quote, text = "", ""
    for one in said:
        if one.quote != quote:
            quote, here, above = one.quote, set(), here
            text = _plain(quote)
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
def _plain(quote: str) -> str:
    return _THOUSANDS.sub("", squeeze(quote))


_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3})")
_LAST_YEAR: Final = re.compile(r"上年|去年|上一年")
_YEAR: Final = re.compile(r"(20\d{2})年")


@lru_cache(maxsize=256)
def _clauses(quote: str, year: int) -> tuple[tuple[str, bool], ...]:
    """The clauses of a sentence, each with whether it speaks of another year; none of a sentence
    that does not."""
    plain = _plain(quote)
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


# ----------------------------------------------------------------------------------------- items


class _Line(NamedTuple):
    """A coded line; ``ticks`` is None where the figure is unreadable."""

    code: str
    name: str
    position: int
    ticks: int | None
    half: int

    @property
    def known(self) -> Known | None:
        """The figure, unless it is unreadable; few of the lines are ever asked for theirs."""
        if self.ticks is None:
            return None
        return Known(Span(self.ticks, self.half), (Evidence("cell", position=self.position),))


class _Lines:
    """The coded lines of a form's column by disclosure, for figures that name no code."""

    def __init__(self, builder: Builder, form: str, column: str) -> None:
        self._builder = builder
        positions = builder.table(Address(form, "", "each", column))
        digits = np.array([name.isdigit() for name in builder.row_names], dtype=bool)
        positions = positions[digits[builder.row[positions]]]
        # Facts come by disclosure, but not in the order in which the batch names them.
        positions = positions[np.argsort(builder.d[positions], kind="stable")]
        bounds = np.searchsorted(builder.d[positions], np.arange(builder.size + 1))
        self._positions, self._bounds = positions, bounds.tolist()
        self._of: dict[int, list[_Line]] = {}
        self._of_name: dict[int, dict[str, list[int]]] = {}

    def of(self, disclosure: int) -> list[_Line]:
        """The coded lines of one disclosure, in printed order."""
        found = self._of.get(disclosure)
        if found is None:
            found = self._of[disclosure] = list(self._made(disclosure))
        return found

    def _made(self, disclosure: int) -> Iterator[_Line]:
        builder = self._builder
        start, stop = self._bounds[disclosure : disclosure + 2]
        own = self._positions[start:stop]
        names = builder.row_names
        for n, row, name, ticks, half, bad in zip(
            own.tolist(),
            builder.row[own].tolist(),
            builder.names[own].tolist(),
            builder.ticks[own].tolist(),
            builder.half[own].tolist(),
            builder.bad[own].tolist(),
            strict=True,
        ):
            yield _Line(names[row], _line_title(str(name or "")), n, None if bad else ticks, half)

    def _alike(self, disclosure: int, wanted: str) -> list[_Line]:
        """The lines that may bear a name, in printed order."""
        lines = self.of(disclosure)
        found = self._of_name.get(disclosure)
        if found is None:
            found = self._of_name[disclosure] = defaultdict(list)
            for n, line in enumerate(lines):
                for key in _name_keys(line.name):
                    found[key].append(n)
        numbers = {n for key in _name_keys(wanted) for n in found.get(key, ())}
        return [lines[n] for n in sorted(numbers)]

    def named(self, disclosure: int, subject: str, quote: str) -> list[_Line]:
        """The lines that a statement's subject names."""
        wanted, lengths = _line_name(subject)
        if not wanted:
            return []
        alike = self._alike(disclosure, wanted)
        found = [x for x in alike if len(x.code) in lengths and _same_name(x.name, wanted)]
        if len(found) < 2 or 3 in lengths:
            return found
        path = next(
            (p for p in _PATH.finditer(squeeze(quote)) if p["item"] == wanted and p["section"]),
            None,
        )
        if path is None:
            return found
        lines = self.of(disclosure)
        sections = [
            x.code for x in lines if len(x.code) == 5 and _same_name(x.name, path["section"])
        ]
        exact = [x for x in found if x.code[:5] in sections]
        return exact or found


@lru_cache(maxsize=65536)
def _line_title(name: str) -> str:
    return squeeze(name)


@lru_cache(maxsize=65536)
def _line_name(subject: str) -> tuple[str, tuple[int, ...]]:
    """The name that a subject gives a line, and how many digits its code may have."""
    plain = squeeze(subject)
    if plain.startswith("项:"):
        return plain[2:], (6, 7, 8, 9)
    if plain.startswith("款:"):
        return plain[2:], (5,)
    if plain.endswith("(类)"):
        return plain.removesuffix("(类)"), (3,)
    return "", ()


def _name_keys(name: str) -> tuple[str, ...]:
    """Names that may be the same have one of these in common."""
    whole = name.removesuffix("支出")
    return (whole, name[:_CUT_NAME]) if len(name) >= _CUT_NAME else (whole,)


@lru_cache(maxsize=65536)
def _same_name(printed: str, wanted: str) -> bool:
    if printed == wanted or printed.removesuffix("支出") == wanted.removesuffix("支出"):
        return bool(printed)
    short, long = sorted((printed, wanted), key=len)
    return len(short) >= _CUT_NAME and long.startswith(short)


# ---------------------------------------------------------------------------------------- terms


class NarrativeChecks:
    """Applies shapes to the narratives of a batch."""

    def __init__(self, builder: Builder, narratives_of: Mapping[int, Narrative]) -> None:
        self.builder = builder
        self.narratives = narratives_of
        self._cells: dict[str, tuple[list[int], list[int], list[int], Address, Evidence]] = {}
        self._lines: dict[str, _Lines] = {}
        self._parsed: dict[str, tuple[str, str, str]] = {}
        self._speaking: dict[tuple[str, str], list[int]] = defaultdict(list)
        for d, narrative in narratives_of.items():
            for key in narrative.by_name.keys() | {
                (s.subject, s.measure) for s in narrative.worded
            }:
                self._speaking[key].append(d)

    def _of_subject(self, shape: StatementShape) -> list[Narrative]:
        """The narratives that state what a shape starts from."""
        measures: tuple[str, ...]
        if isinstance(shape, Weighted):
            pattern, measures = shape.total, ("amount",)
        elif isinstance(shape, Prior):
            pattern, measures = shape.whole, ("change_amount",)
        else:
            pick = shape.total if isinstance(shape, Sum) else shape.pick
            pattern, measures = pick.subject, pick.measure
        told = next(iter(self.narratives.values()), None)
        if told is None:
            return []
        subjects = told.vocabulary.fitting(pattern) | {pattern}
        numbers = {
            d
            for subject in subjects
            for measure in measures
            for d in self._speaking.get((subject, measure), ())
        }
        return [self.narratives[d] for d in sorted(numbers)]

    def rows(self, shape: StatementShape) -> list[CheckRow]:
        """All checks of one rule."""
        found: list[CheckRow] = []
        for narrative in self._of_subject(shape):
            rows = self._of(shape, narrative)
            if not narrative.doubtful:
                found += rows
                continue
            found += [
                row._replace(doubtful=True)
                if any(
                    e.source == "statement" and e.position in narrative.doubtful
                    for e in row.evidence
                )
                else row
                for row in rows
            ]
        return found

    def _of(self, shape: StatementShape, narrative: Narrative) -> Iterator[CheckRow]:
        if isinstance(shape, Sum):
            return self._sums(shape, narrative)
        if isinstance(shape, Weighted):
            return self._weighted(shape, narrative)
        if isinstance(shape, Prior):
            return self._priors(shape, narrative)
        if isinstance(shape, Repeat):
            return self._repeats(shape, narrative)
        if isinstance(shape, Named):
            return self._named(shape, narrative)
        return (
            row
            for one in self.picked(shape.pick, narrative)
            if (row := self._one(shape, one, narrative)) is not None
        )

    @staticmethod
    def picked(pick: Pick, narrative: Narrative) -> list[Said]:
        """The statements of a narrative that a rule picks."""
        found = narrative.of(pick.subject, pick.measure)
        if "compare" in pick.measure:
            found = [s for s in narrative.worded if _fits(pick.subject, s.subject)]
        return [
            s
            for s in found
            if (not pick.section or _searched(pick.section, s.section))
            and not (pick.not_section and _searched(pick.not_section, s.section))
            and not (pick.quote and not _searched(pick.quote, s.quote))
            and not (pick.not_quote and _searched(pick.not_quote, s.quote))
            and not (pick.versus and not _searched(pick.versus, s.versus))
        ]

    def _one(self, shape: StatementShape, one: Said, narrative: Narrative) -> CheckRow | None:
        if isinstance(shape, Tie):
            return self._tie(shape, one, narrative)
        if isinstance(shape, Ratio):
            return self._ratio(shape, one, narrative)
        if isinstance(shape, Growth):
            return self._growth(shape, one, narrative)
        if isinstance(shape, Direction):
            return self._direction(shape, one, narrative)
        if isinstance(shape, Worded):
            return self._word(shape, one, narrative)
        if isinstance(shape, Bases):
            return self._bases(one, narrative)
        assert isinstance(shape, NotBudget)
        return self._not_budget(shape, one, narrative)

    # -- terms

    def _term(self, term: str, one: Said, narrative: Narrative) -> tuple[list[Known], str]:
        """The figures that a term names for a statement, and else why there is none."""
        kind, rest, about = self._parsed.get(term) or self._parse(term)
        if kind == "cell":
            return self._cell(rest, narrative.disclosure)
        if kind == "item":
            return self._item(rest, one, narrative.disclosure)
        measures = _BUDGETS if rest == "budget" else (rest,)
        if kind == "own":
            found = [s for m in measures if (s := self._nearest(one, narrative, m))]
            return [_signed(s) for s in found], "" if found else "文中没有相应的金额"
        near = self._other(one, narrative, about, measures)
        return ([_signed(near)], "") if near else ([], "文中没有相应的金额")

    def _parse(self, term: str) -> tuple[str, str, str]:
        """The kind of a term, what it names, and for ``said`` of which subject."""
        kind, _, rest = term.partition(":")
        about = ""
        if kind == "said":
            rest, _, about = rest.partition(":")
        self._parsed[term] = (kind, rest, about)
        return self._parsed[term]

    def _cell(self, text: str, disclosure: int) -> tuple[list[Known], str]:
        if text not in self._cells:
            address = Address.parse(text)
            value = self.builder.value(address)
            self._cells[text] = (
                value.ticks.tolist(),
                value.half.tolist(),
                value.gap.tolist(),
                address,
                Evidence("address", address=address),
            )
        ticks, half, gap, address, evidence = self._cells[text]
        if gap[disclosure] != Gap.NONE:
            return [], f"《{forms()[address.form].title}》没有可以对照的数字"
        return [Known(Span(ticks[disclosure], half[disclosure]), (evidence,))], ""

    def cell(self, address: str, disclosure: int) -> list[Known]:
        """The figure at an address, if it is known."""
        return self._cell(address, disclosure)[0]

    def _item(self, rest: str, one: Said, disclosure: int) -> tuple[list[Known], str]:
        form, _, column = rest.partition(".")
        if rest not in self._lines:
            self._lines[rest] = _Lines(self.builder, form, column)
        title = forms()[form].title
        if self.builder.form_gap[form][disclosure] != Gap.NONE:
            return [], f"未读到《{title}》"
        lines = self._lines[rest].named(disclosure, one.subject, one.quote)
        known = [line.known for line in lines if line.known is not None]
        if known and len(known) == len(lines):
            return known, ""
        name = one.subject.partition(":")[2] or one.subject
        return [], f"《{title}》未见名为“{name}”、能够读出的科目"

    def items(self, form: str, column: str, disclosure: int) -> list[tuple[str, str, Known | None]]:
        """Code, squeezed name and figure of the 项 of a form."""
        rest = f"{form}.{column}"
        if rest not in self._lines:
            self._lines[rest] = _Lines(self.builder, form, column)
        lines = self._lines[rest].of(disclosure)
        return [(x.code, x.name, x.known) for x in lines if len(x.code) == 7]

    @staticmethod
    def _nearest(one: Said, narrative: Narrative, measure: str) -> Said | None:
        """The nearest statement of the same subject: before it in the section, or after it in the
        sentence. Changes are those that compare with the same."""
        best: Said | None = None
        for other in narrative.by_name.get((one.subject, measure), ()):
            if other.section != one.section or other is one:
                continue
            if other.sign and one.sign and other.versus != one.versus:
                continue
            # _path of what is no item is empty.
            if one.subject.startswith("项") and _path(other) != _path(one):
                continue
            if other.order < one.order:
                best = other
            elif best is None and other.quote == one.quote:
                return other
        return best

    @staticmethod
    def _other(
        one: Said, narrative: Narrative, subject: str, measures: Sequence[str]
    ) -> Said | None:
        found = [s for s in narrative.of(subject, measures) if s is not one]
        for near in (
            [s for s in found if s.section == one.section],
            [s for s in found if s.chapter == one.chapter],
            found,
        ):
            before = [s for s in near if s.order < one.order]
            if before:
                return before[-1]
            if near:
                return near[0]
        return None

    # -- shapes

    def _tie(self, shape: Tie, one: Said, narrative: Narrative) -> CheckRow | None:
        known: list[Known] = []
        missing = ""
        for term in shape.equals:
            # What the text itself says stands in only for cells that are not there.
            if known and term.startswith("said:"):
                break
            found, why = self._term(term, one, narrative)
            known += found
            missing = missing or why
        row = CheckRow(narrative.disclosure, _label(one), one.unit)
        if not known:
            return _why(row, missing)
        if shape.relation == "at_most":
            best = max(known, key=lambda k: k.span.value)
            return _row(row, best.span, one.span, one, best.evidence)
        best = _closest(one.span, known)
        return _row(row, one.span, best.span, one, best.evidence)

    def _ratio(self, shape: Ratio, one: Said, narrative: Narrative) -> CheckRow | None:
        row = CheckRow(narrative.disclosure, _label(one), one.unit)
        found: list[Known] = []
        empty = pairs = 0
        zero_evidence: tuple[Evidence, ...] = ()
        for part_term, whole_term in shape.of:
            parts, wholes = (
                [narrative.as_told(known) for known in self._term(term, one, narrative)[0]]
                for term in (part_term, whole_term)
            )
            for part, whole in combinations(parts, wholes):
                evidence = part.evidence + whole.evidence
                if shape.same_sentence and not self._beside(one, evidence, narrative):
                    continue
                pairs += 1
                if part.span.is_zero and whole.span.is_zero:
                    empty += 1
                    zero_evidence = zero_evidence or evidence
                    continue
                rate = _rate(part.span, whole.span, shape.less_one)
                if rate is not None:
                    found.append(Known(rate, evidence))
                    if shape.unsigned:
                        found.append(Known(Span(abs(rate.value), rate.half), evidence))
        if not pairs:
            return _clause(row, "alone")
        best = _closest(one.span, found) if found else None
        # What the sentence itself says counts more than what the form says.
        nothing = bool(empty) and not (best and one.span.meets(best.span))
        if shape.of_nothing:
            return _row(row, one.span, Span(0), one, zero_evidence) if nothing else None
        if nothing or best is None:
            return _clause(row, "of_nothing" if nothing else "zero_whole")
        span = best.span
        if shape.trimmed and not one.span.meets(span):
            siblings = [
                s.span.value
                for s in narrative.by_measure[one.measure]
                if s.section == one.section
                and s.versus == one.versus
                and (s.quote == one.quote or s.subject.endswith("（类）"))
            ]
            if len(siblings) > 1 and sum(siblings) == 100 * SCALE:
                span = Span(span.value, span.half + 2 * one.span.half)
        return _row(row, one.span, span, one, best.evidence)

    @staticmethod
    def _beside(one: Said, evidence: Sequence[Evidence], narrative: Narrative) -> bool:
        """Whether all statements behind figures stand in the sentence of another."""
        return all(
            narrative.quotes.get(e.position, one.quote) == one.quote
            for e in evidence
            if e.source == "statement"
        )

    def _growth(self, shape: Growth, one: Said, narrative: Narrative) -> CheckRow | None:
        row = CheckRow(narrative.disclosure, _label(one), one.unit)
        change_said = self._nearest(one, narrative, "change_amount")
        if (
            change_said is None
            or change_said.unit not in MONEY_UNITS
            or change_said.quote != one.quote
            or (change_said.sign and one.sign and change_said.sign != one.sign)
        ):
            return _clause(row, "alone")
        changes = [_signed(change_said)]
        currents = [k for t in shape.current for k in self._term(t, one, narrative)[0]]
        if not currents:
            return _clause(row, "alone")
        rates: list[Known] = []
        for current, change in combinations(currents, changes):
            before = current.span.plus(change.span, -1)
            rate = percentage(Span(abs(change.span.value), change.span.half), before)
            if rate is not None:
                rates.append(Known(rate, current.evidence + change.evidence))
        if not rates:
            nothing = any(c.span.is_zero for c in changes)
            return _clause(row, "nothing_before" if not nothing else "nothing_at_all")
        best = _closest(one.span, rates)
        return _row(row, one.span, best.span, one, best.evidence)

    def _direction(self, shape: Direction, one: Said, narrative: Narrative) -> CheckRow | None:
        if not one.sign or one.span.is_zero:
            return None
        change = self._nearest(one, narrative, "change_amount")
        if change is None or not change.sign or change.span.is_zero:
            return None
        if change.quote != one.quote:
            return None
        row = CheckRow(narrative.disclosure, _label(one), "")
        return _row(
            row,
            Span(one.sign * SCALE),
            Span(change.sign * SCALE),
            one,
            (Evidence("statement", position=change.position),),
        )

    def _word(self, shape: Worded, one: Said, narrative: Narrative) -> CheckRow | None:
        """Answers in signs: what the word says, and what the figures say."""
        if one.word not in shape.words:
            return None
        row = CheckRow(narrative.disclosure, _label(one), "")
        if one.versus == "上年决算":
            if one.word != "持平" or _searched(_BUDGET_BESIDE, _plain(one.quote)):
                return None
            change = self._nearest(one, narrative, "change_amount")
            if change is None or change.quote != one.quote or change.versus != one.versus:
                return _clause(row, "alone")
            pairs = [(change, Span(abs(change.span.value), change.span.half), Span(0))]
            shown = f"比上年增减 {change.printed}{change.unit}"
        else:
            own = self._nearest(one, narrative, "amount")
            budgets = [b for m in _BUDGETS if (b := self._nearest(one, narrative, m))]
            if own is None or not budgets:
                return _clause(row, "alone")
            pairs = [(budget, own.span, budget.span) for budget in budgets]
            shown = f"决算数为 {own.printed}{own.unit}，预算数为 "
            shown += "、".join(f"{b.printed}{b.unit}" for b in budgets)
        said = {"持平": 0, "大于": 1, "小于": -1}[one.word]
        signs = {
            said if a.meets(b) else (1 if a.value > b.value else -1): other for other, a, b in pairs
        }
        sign = said if said in signs else next(iter(signs))
        evidence = (Evidence("statement", position=signs[sign].position),)
        found = _row(row, Span(said * SCALE), Span(sign * SCALE), one, evidence)
        return found._replace(detail=f"称“{one.word}”，而{shown}")

    def _bases(self, one: Said, narrative: Narrative) -> CheckRow | None:
        completion, spent, full = (
            self._nearest(one, narrative, m) for m in ("completion", "amount", "budget_full")
        )
        row = CheckRow(narrative.disclosure, f"{one.subject}／budget_initial", "万元")
        if completion is None or spent is None or full is None:
            return _clause(row, "alone")
        rate = percentage(spent.span, full.span)
        if rate is None or rate.meets(completion.span):
            return _clause(row, "own_base")
        stated = _to_hundredths(percentage(spent.span, completion.span))
        whole = 100 * SCALE
        evidence = (full.known(), one.known())
        bases = [
            Known(base, tuple(e for k in evidence for e in k.evidence))
            for sign in (1, -1)
            if (
                base := _to_hundredths(
                    percentage(full.span, Span(whole + sign * one.span.value, one.span.half))
                )
            )
        ]
        if stated is None or not bases:
            return _clause(row, "alone")
        best = _closest(stated, bases)
        return _row(row, stated, best.span, completion, spent.known().evidence + best.evidence)

    def _not_budget(self, shape: NotBudget, one: Said, narrative: Narrative) -> CheckRow | None:
        """A match is the finding, so the spans of a match are set apart."""
        if not _compares_with_last_year(one) or one.span.is_zero:
            return None
        own = self._nearest(one, narrative, "amount")
        row = CheckRow(narrative.disclosure, _label(one), one.unit)
        if own is None:
            return _why(row, "文中没有相应的金额")
        budgets, why = self._term(shape.budget, one, narrative)
        if not budgets:
            return _why(row, why)
        change = _signed(one)
        before = own.span.plus(change.span, -1)
        budget = budgets[0]
        evidence = (Evidence("statement", position=own.position), *budget.evidence)
        same = before.value == budget.span.value and not before.is_zero
        # The identity "the base is another figure than the budget" as intervals: a base that is
        # the budget is shown one unit apart from itself.
        if not same:
            return _row(row, before, before, one, evidence)
        return _row(row, Span(before.value), Span(0), one, evidence)

    def _sums(self, shape: Sum, narrative: Narrative) -> Iterator[CheckRow]:
        done: set[tuple[str, int]] = set()
        for one in self.picked(shape.total, narrative):
            where = {"quote": one.quote, "section": one.section, "chapter": one.chapter}
            key = (where[shape.within], one.span.value)
            if key in done:
                continue
            done.add(key)
            near = [
                s
                for s in narrative.by_measure[one.measure]
                if s is not one
                and (s.unit in MONEY_UNITS) == (one.unit in MONEY_UNITS)
                and getattr(s, shape.within) == where[shape.within]
            ]
            parts = self._parts(shape, one, near)
            row = CheckRow(narrative.disclosure, _label(one), one.unit)
            if parts is None:
                continue
            if shape.every_figure and not _all_understood(one, parts, narrative):
                yield _clause(row, "figures_left")
                continue
            total = Span(0)
            for part in parts:
                span = Span(part.span.value, 2 * part.span.half) if shape.cut else part.span
                total = total.plus(span)
            stated = Span(one.span.value, 2 * one.span.half) if shape.cut else one.span
            evidence = tuple(Evidence("statement", position=p.position) for p in parts)
            yield _row(row, stated, total, one, evidence)

    @staticmethod
    def _parts(shape: Sum, one: Said, near: Sequence[Said]) -> list[Said] | None:
        """The parts of a total, each once, the statement nearest to it."""
        if shape.each:
            chosen: dict[tuple[str, str], Said] = {}
            for s in near:
                if s.subject != one.subject and _fits(shape.each, s.subject):
                    chosen.setdefault((s.subject, _path(s)), s)
            parts = list(chosen.values())
            return parts if len(parts) >= shape.at_least else None
        by_subject: dict[str, Said] = {}
        for s in sorted(near, key=lambda s: abs(s.order - one.order)):
            by_subject.setdefault(s.subject, s)
        for group in shape.parts:
            if all(name in by_subject for name in group):
                names = (*group, *(n for n in shape.optional if n in by_subject))
                return [by_subject[name] for name in names]
        return None

    def _weighted(self, shape: Weighted, narrative: Narrative) -> Iterator[CheckRow]:
        for one in narrative.of(shape.total, ("amount",)):
            total = Span(0)
            evidence: tuple[Evidence, ...] = ()
            row = CheckRow(narrative.disclosure, _label(one), one.unit)
            shares = 0
            for amount_subject, share_subject in shape.kinds:
                amounts = [
                    s for s in narrative.of(amount_subject, ("amount",)) if s.section == one.section
                ]
                stated = [
                    s for s in narrative.of(share_subject, ("share",)) if s.section == one.section
                ]
                if not amounts or (not stated and not amounts[0].span.is_zero):
                    break
                shares += len(stated)
                if stated and not amounts[0].span.is_zero:
                    part = Span(stated[0].span.value // 100, stated[0].span.half // 100 + 1)
                    total = total.plus(product(amounts[0].span, part))
                evidence += amounts[0].known().evidence
                evidence += stated[0].known().evidence if stated else ()
            else:
                if shares:
                    yield _row(row, one.span, total, one, evidence)

    def _priors(self, shape: Prior, narrative: Narrative) -> Iterator[CheckRow]:
        wholes = list(self.implied(shape.whole, narrative))
        for whole, before in wholes:
            for group in shape.parts:
                chosen: list[tuple[Said, Span]] = []
                for subject in group:
                    found = [
                        (s, b)
                        for s, b in self.implied(subject, narrative)
                        if shape.within == "disclosure" or s.chapter == whole.chapter
                    ]
                    if found:
                        chosen.append(min(found, key=lambda p: abs(p[0].order - whole.order)))
                if len(chosen) < len(group):
                    continue
                total = Span(0)
                for _, span in chosen:
                    total = Span(total.value + span.value, total.half + span.half)
                row = CheckRow(
                    narrative.disclosure,
                    f"{whole.subject}与{'、'.join(s.subject for s, _ in chosen)}／prior",
                    whole.unit,
                )
                evidence = tuple(Evidence("statement", position=s.position) for s, _ in chosen)
                yield _row(row, before, total, whole, evidence)

    def implied(
        self, subject: str, narrative: Narrative, not_section: str = ""
    ) -> Iterator[tuple[Said, Span]]:
        """Changes of a subject against the year before with the figure that they imply for it."""
        for change in narrative.of(subject, ("change_amount",)):
            if not_section and _searched(not_section, change.section):
                continue
            if change.unit not in MONEY_UNITS or not _compares_with_last_year(change):
                continue
            own = self._nearest(change, narrative, "amount")
            if own is not None:
                yield change, _before(own, change)

    def _repeats(self, shape: Repeat, narrative: Narrative) -> Iterator[CheckRow]:
        first: dict[tuple[str, str], Said] = {}
        for one in self.picked(shape.pick, narrative):
            key = (one.subject, one.measure)
            if key not in first:
                first[key] = one
                continue
            row = CheckRow(narrative.disclosure, _label(one), one.unit)
            other = first[key]
            yield _row(
                row, one.span, other.span, one, (Evidence("statement", position=other.position),)
            )

    def _named(self, shape: Named, narrative: Narrative) -> Iterator[CheckRow]:
        """Answers in counts: how many lines of the form the sentence leaves out or adds."""
        key = f"{shape.form}.amount"
        if key not in self._lines:
            self._lines[key] = _Lines(self.builder, shape.form, "amount")
        for one in self.picked(shape.pick, narrative):
            text = squeeze(one.quote)
            match = re.search(shape.after, text)
            if match is None:
                continue
            listed = re.split(r"[。;；]", text[match.end() :])[0]
            row = CheckRow(narrative.disclosure, _label(one), "项")
            if self.builder.form_gap[shape.form][narrative.disclosure] != Gap.NONE:
                yield _why(row, f"未读到《{forms()[shape.form].title}》")
                continue
            names = {n.removesuffix("等") for n in re.split(r"[、,，]", listed) if n}
            lines = [
                x
                for x in self._lines[key].of(narrative.disclosure)
                if len(x.code) == 5 and x.ticks is not None and re.match(shape.classes, x.code)
            ]
            spent = {x.name: x for x in lines if x.ticks}
            blank = {x.name for x in lines if not x.ticks}
            extra = [n for n in sorted(names) if n in blank and n not in spent]
            absent = [x for n, x in spent.items() if not any(_same_name(n, m) for m in names)]
            if not names & spent.keys():
                continue
            detail = "；".join(
                part
                for part in (
                    f"文中列出而表中没有金额：{'、'.join(extra)}" if extra else "",
                    f"表中有金额而文中没有列出：{'、'.join(x.name for x in absent)}"
                    if absent
                    else "",
                )
                if part
            )
            evidence = tuple(e for x in absent if x.known for e in x.known.evidence)
            yield CheckRow(
                narrative.disclosure,
                _label(one),
                "项",
                Span((len(extra) + len(absent)) * SCALE),
                Span(0),
                (Evidence("statement", "stated", one.position), *evidence),
                detail=detail,
            )


def _rate(part: Span, whole: Span, less_one: bool) -> Span | None:
    rate = percentage(part, whole)
    if rate is None or not less_one:
        return rate
    return Span(rate.value - 100 * SCALE, rate.half)


def _to_hundredths(span: Span | None) -> Span | None:
    """An implied amount as auditors write it, its interval no narrower."""
    if span is None:
        return None
    value = round(span.value, -6)
    return Span(value, span.half + abs(value - span.value))


def _signed(said: Said) -> Known:
    """A change with the sign of its word."""
    known = said.known()
    if said.measure.startswith("change") and said.sign < 0:
        return Known(Span(-known.span.value, known.span.half), known.evidence)
    return known


def _before(current: Said, change: Said) -> Span:
    span = _signed(change).span
    return Span(current.span.value - span.value, current.span.half + span.half)


def _compares_with_last_year(change: Said) -> bool:
    """Where a sentence does not say with what it compares, nothing is concluded from it."""
    return change.versus == "上年决算" and _searched(r"上年|去年|上一年|20\d{2}年", change.quote)


@lru_cache(maxsize=65536)
def _path_of(subject: str, quote: str) -> str:
    if not subject.startswith("项:"):
        return ""
    name = squeeze(subject[2:])
    return next((p[0] for p in _PATH.finditer(squeeze(quote)) if p["item"] == name), "")


def _path(said: Said) -> str:
    """类, 款 and 项 of an item, because names of items repeat."""
    return _path_of(said.subject, said.quote) if said.subject.startswith("项:") else ""


def _all_understood(one: Said, parts: Sequence[Said], narrative: Narrative) -> bool:
    """Whether every figure of a unit in the sentences of a total and its parts is a statement."""
    unit = re.escape(one.unit)
    for quote in {one.quote, *(part.quote for part in parts)}:
        printed = len(re.findall(rf"\d\s*{unit}", quote))
        if printed > sum(s.unit == one.unit for s in narrative.by_quote[quote]):
            return False
    return True


def _label(one: Said) -> str:
    """What a finding is about, the same in every reading."""
    return f"{_path(one) or one.subject}／{one.measure}"


def _closest(stated: Span, known: Sequence[Known]) -> Known:
    """The figure that fits, else the one that is nearest."""
    return min(known, key=lambda k: (not stated.meets(k.span), abs(stated.value - k.span.value)))


def _row(
    row: CheckRow, stated: Span, computed: Span, one: Said, evidence: Sequence[Evidence]
) -> CheckRow:
    return row.judged(stated, computed, (Evidence("statement", "stated", one.position), *evidence))


def _why(row: CheckRow, missing: str) -> CheckRow:
    return row.unjudged(missing=missing or "缺少可以对照的数字")


def _clause(row: CheckRow, clause: str) -> CheckRow:
    return row.unjudged(clause=clause)


def build_narrative_mart(
    checks: NarrativeChecks, shapes: Mapping[str, StatementShape]
) -> CheckMart:
    """The checks of all rules of the narrative."""
    return collect("statement", {key: checks.rows(shape) for key, shape in shapes.items()})
