"""Performance self-evaluation forms (绩效自评表): projects, whole units and their summary tables.

Their layouts differ from province to province and their rows slip sideways in real files, so a
row is read by its columns where it fits them, else moved against them until it does, else by its
content; a row that fits in no way is not read and says so. A cell that is blank or holds a dash
gives a figure without value; its text tells it from one that holds something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict

from disclosures.amounts import CellState, MoneyUnit, parse_amount
from disclosures.forms import squeeze
from disclosures.model import PerformanceFact
from disclosures.reading.grids import Grid, PageText
from disclosures.reading.joining import first_unit
from disclosures.reading.names import clean, has_chinese, plain, printed_name

_AMOUNTS: Final = ("budget_initial", "budget_full_year", "executed")
_LEVELS: Final = ("level1", "level2", "level3", "level4")
_FIGURES: Final = ("target", "actual", "weight", "score")
# Rows slip by at most this many cells in the files seen.
_SHIFTS: Final = (0, -1, 1, -2, 2, -3, 3)
_MAX_LABEL: Final = 40
_MAX_TITLE: Final = 60
_MAX_WORDING: Final = 120
_MAX_NOTES: Final = 20
# The row of a project's name may hold its code and department too; a row of more is a list's.
_MAX_NAME_CELLS: Final = 6


# --- the wording ------------------------------------------------------------------------------


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _TitleWording(_Model):
    table: str
    pattern: str


class _Flattened(_Model):
    after_name: str
    funds: dict[str, str]
    sources: tuple[str, ...]
    funds_end: str
    management_begin: str
    management_end: str
    management: tuple[str, ...]
    headings: tuple[str, ...]


class Wording(_Model):
    """``performance.yaml``."""

    titles: tuple[_TitleWording, ...]
    names: dict[str, str]
    units: str
    funds: dict[str, str]
    funds_total: str
    headless_orders: tuple[tuple[str, ...], ...]
    source_prefix: str
    indicators: dict[str, str]
    management: str
    summary: dict[str, str]
    summary_other: str
    goals: str
    total: str
    subtotals: str
    ends: str
    chapters: str
    side_labels: str
    known_levels: tuple[str, ...]
    foreign: str
    signature: tuple[str, ...]
    flattened: _Flattened


@cache
def wording() -> Wording:
    text = (files(__package__) / "performance.yaml").read_text(encoding="utf-8")
    loaded: Any = yaml.safe_load(text)
    return Wording.model_validate(loaded)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(f"(?:{pattern})")


# The same headings and labels stand in every form.
@lru_cache(maxsize=32768)
def fits(pattern: str, text: str) -> bool:
    """Whether a whole squeezed cell is of a wording."""
    # No wording is as long as this, and prose in a cell may be very long.
    return 0 < len(text) <= _MAX_WORDING and _pattern(pattern).fullmatch(text) is not None


_BRACKETS: Final = re.compile(r"\([^()]*\)?$|^\([^()]*\)")


@lru_cache(maxsize=8192)
def _bare_heading(text: str) -> str:
    previous = None
    while previous != text:
        previous = text
        text = _BRACKETS.sub("", text).rstrip(":")
    return text


def role_of(heading: str, roles: Mapping[str, str]) -> str | None:
    """What a squeezed heading is about, or None."""
    if not heading or len(heading) > _MAX_LABEL:
        return None
    return _role(heading, tuple(roles.items()))


@lru_cache(maxsize=16384)
def _role(heading: str, roles: tuple[tuple[str, str], ...]) -> str | None:
    for text in (heading, _bare_heading(heading)):
        for role, pattern in roles:
            if fits(pattern, text):
                return role
    return None


@lru_cache(maxsize=8192)
def is_known_level(text: str) -> bool:
    return any(fits(pattern, _bare_heading(text)) for pattern in wording().known_levels)


# --- figures ----------------------------------------------------------------------------------

_SIGNS: Final = r"(?:[≥≤≧≦><=]|>=|<=|==)*"
_FIGURE: Final = re.compile(
    rf"{_SIGNS}(?P<value>[-+−△]?(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?)(?P<unit>[^\d\s.,;:、()=<>≥≤~\-]{{0,8}})"
)
# "2023年底前" and "12月底" are dates, "3年" and "5日内" durations.
_DATE: Final = re.compile(r"(?:19|20)\d{2}年|\d{1,2}(?:月|日)(?!内)|\d+(?:年|月)(?:前|底|末|初|中)")


@lru_cache(maxsize=8192)
def figure(text: str) -> tuple[Decimal | None, str | None]:
    """Value and unit of a cell that is one number, with or without a sign of comparison."""
    shown = squeeze(text)
    match = _FIGURE.fullmatch(shown)
    if match is None or _DATE.match(shown.lstrip("≥≤≧≦><=")):
        return None, None
    amount = parse_amount(match["value"])
    return (amount.value, match["unit"] or None) if amount.value is not None else (None, None)


@lru_cache(maxsize=8192)
def is_plain_number(text: str) -> bool:
    """A weight, a score or an amount: a number, at most with 分 behind it."""
    shown = squeeze(text)
    return parse_amount(shown.removesuffix("分")).state is CellState.READ


@lru_cache(maxsize=8192)
def _is_nothing(text: str) -> bool:
    return parse_amount(text).state is CellState.BLANK


def _is_number_or_nothing(text: str) -> bool:
    return _is_nothing(text) or is_plain_number(text)


def _is_amount(text: str) -> bool:
    return is_plain_number(re.sub(r"(?:万|千|百万|亿)?元$", "", squeeze(text)))


def _is_rate(text: str) -> bool:
    return _is_number_or_nothing(squeeze(text).removesuffix("%"))


@lru_cache(maxsize=8192)
def _looks_like_name(text: str) -> bool:
    shown = squeeze(text)
    if not has_chinese(shown) and not re.search(r"[A-Za-z]{2}", shown):
        return False
    value, unit = figure(shown)
    if value is not None and (unit is None or fits(wording().units, unit)):
        return False
    return not re.match(r"[≥≤≧≦><=%]", shown)


# --- what was read ----------------------------------------------------------------------------


@dataclass(slots=True)
class PerformanceRead:
    """Figures in their order, and what auditors should know of tables that were not read."""

    facts: tuple[PerformanceFact, ...] = ()
    notes: tuple[str, ...] = ()


def few(notes: Iterable[str]) -> tuple[str, ...]:
    """Every note once; of very many the first and their number."""
    told = tuple(dict.fromkeys(notes))
    if len(told) <= _MAX_NOTES:
        return told
    return (*told[:_MAX_NOTES], f"绩效表另有{len(told) - _MAX_NOTES}条说明从略")


@dataclass(slots=True)
class Item:
    """One row: its label, the labels above it and its cells by role."""

    page: int | None
    name: str
    cells: dict[str, str]
    levels: tuple[str, ...] = ()


@dataclass(slots=True)
class EvaluationForm:
    """A form while its rows are being collected."""

    table: str | None
    project: str = ""
    unit: str | None = None
    funds: list[Item] = field(default_factory=list)
    management: list[Item] = field(default_factory=list)
    indicators: list[Item] = field(default_factory=list)
    rows: list[Item] = field(default_factory=list)
    total: Item | None = None
    headings: dict[str, str] = field(default_factory=dict)
    percent_headed: bool = False
    page: int | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def filled(self) -> bool:
        return bool(self.funds or self.indicators or self.rows or self.management)

    def facts(self) -> Iterator[PerformanceFact]:
        if self.table is None:
            return
        for item in self.funds:
            yield from self._funds_facts(item)
        names = [item.name for item in self.indicators]
        for item in (*self.management, *self.indicators):
            name = item.name
            if names.count(name) > 1 and item.levels and item.levels[-1] != name:
                name = f"{item.levels[-1]}：{name}"
            for role in _FIGURES:
                if role in item.cells:
                    yield self._figure(item, name, role, item.cells[role])
        if self.total is not None:
            for role, measure in (("weight", "weight"), ("score", "total")):
                if self.total.cells.get(role):
                    yield self._figure(
                        self.total, self.total.name, role, self.total.cells[role], measure
                    )
        for item in self.rows:
            for heading, text in item.cells.items():
                yield self._summary_fact(item, heading, text)

    def _funds_facts(self, item: Item) -> Iterator[PerformanceFact]:
        for role in _AMOUNTS:
            if role in item.cells:
                value, unit = figure(item.cells[role])
                yield self._fact(item, item.name, role, value, unit or self.unit, item.cells[role])
        for role in ("weight", "rate", "score"):
            text = item.cells.get(role, "")
            if _is_nothing(text):
                continue
            if role == "rate":
                value, unit = figure(text)
                unit = unit or ("%" if self.percent_headed or _is_percent(item.cells) else None)
                yield self._fact(item, item.name, role, value, unit, text)
            else:
                yield self._figure(item, item.name, role, text)

    def _figure(
        self, item: Item, name: str, role: str, text: str, measure: str | None = None
    ) -> PerformanceFact:
        value, unit = figure(text)
        if role in ("weight", "score"):
            unit = unit or ("分" if value is not None else None)
        elif role in ("target", "actual") and value is not None and unit is None:
            unit = item.cells.get("unit") or None
        return self._fact(item, name, measure or role, value, unit, text)

    def _summary_fact(self, item: Item, heading: str, text: str) -> PerformanceFact:
        role = self.headings[heading]
        value, unit = figure(text)
        if unit is None and value is not None:
            unit = "分" if role == "score" else self.unit if role in _AMOUNTS else None
        return self._fact(item, heading, role, value, unit, text, project=item.name)

    def _fact(
        self,
        item: Item,
        indicator: str,
        measure: str,
        value: Decimal | None,
        unit: str | None,
        text: str,
        *,
        project: str | None = None,
    ) -> PerformanceFact:
        assert self.table is not None
        return PerformanceFact(
            table=self.table,
            project=self.project if project is None else project,
            indicator=indicator,
            measure=measure,
            value=value,
            unit=unit,
            text=text,
            page=item.page,
        )


def _is_percent(cells: Mapping[str, str]) -> bool:
    """Whether a rate printed without % is one by its amounts."""
    found = [figure(cells.get(role, ""))[0] for role in ("executed", "budget_full_year", "rate")]
    executed, budget, rate = found
    if executed is None or not budget or rate is None:
        return False
    return abs(executed / budget * 100 - rate) <= Decimal("0.06") and rate > 0


def total_cells(numbers: Sequence[str], form: EvaluationForm) -> dict[str, str]:
    """The cells of a row of totals that prints one or two numbers somewhere.

    One number alone is the weights' sum where it is that and not the scores' sum.
    """
    if len(numbers) >= 2:
        return {"weight": numbers[-2], "score": numbers[-1]}
    if not numbers:
        return {}
    value = figure(numbers[0])[0]
    rows = [*form.funds, *form.management, *form.indicators]
    sums = {
        role: sum((figure(row.cells.get(role, ""))[0] or Decimal(0) for row in rows), Decimal(0))
        for role in ("weight", "score")
    }
    lone = "weight" if value == sums["weight"] and value != sums["score"] else "score"
    return {lone: numbers[0]}


# --- rows and columns -------------------------------------------------------------------------


@dataclass(slots=True)
class _Columns:
    """Where the columns of a table stand: ``(role, start, stop)`` by cell index."""

    spans: tuple[tuple[str, int, int], ...]
    width: int
    headings: dict[str, str] = field(default_factory=dict)

    @property
    def start(self) -> int:
        return self.spans[0][1]

    def has(self, *roles: str) -> bool:
        return any(role in roles for role, _, _ in self.spans)

    def cells(self, row: Sequence[str], shift: int) -> tuple[dict[str, str], list[str]] | None:
        """Cells by role and those left over, or None when two cells fall into one column."""
        taken: dict[str, str] = {}
        filled = [index for index, text in enumerate(row) if text]
        used: set[int] = set()
        for role, start, stop in self.spans:
            inside = [index for index in filled if start + shift <= index < stop + shift]
            if len(inside) > 1 and role not in ("note", "basis"):
                return None
            used.update(inside)
            if role not in taken:
                taken[role] = "".join([row[index] for index in inside])
        left = [row[index] for index in filled if index not in used]
        return taken, left


def _columns(row: Sequence[str], roles: Mapping[str, str]) -> _Columns | None:
    """Columns of a row of headings; None when it holds no heading."""
    found: list[tuple[str, int, str]] = []
    for index, text in enumerate(row):
        if not text:
            continue
        role = role_of(plain(text), roles)
        if (
            role
            and role in [seen for seen, _, _ in found]
            and role not in ("note", "basis", "rate")
        ):
            role = None
        found.append((role or "", index, text))
    stops = [index for _, index, _ in found[1:]] + [len(row)]
    spans = tuple(
        (role, index, stop) for (role, index, _), stop in zip(found, stops, strict=True) if role
    )
    if not spans:
        return None
    headings = {role: text for role, _, text in reversed(found) if role}
    return _Columns(spans, len(row), headings)


def indicator_columns(row: Sequence[str]) -> _Columns | None:
    """Columns of the indicators of a self-evaluation; a table of targets alone is none."""
    columns = _columns(row, wording().indicators)
    if columns is None or not columns.has("level2", "level3"):
        return None
    # The label of the block, and the weight of a whole group, stand left of the names.
    last_level = max(start for role, start, _ in columns.spans if role in _LEVELS)
    spans: list[tuple[str, int, int]] = []
    for index, text in enumerate(row):
        role = role_of(plain(text), wording().indicators) if text else None
        if role is None or (role not in _LEVELS and index < last_level):
            continue
        if role in [seen for seen, _, _ in spans] and role not in ("note", "basis"):
            continue
        stop = next((i for i in range(index + 1, len(row)) if row[i]), len(row))
        spans.append((role, index, stop))
    columns.spans = tuple(spans)
    known = sum(columns.has(role) for role in _FIGURES)
    return columns if known >= 2 and columns.has("actual", "score") else None


def _indicator_header(rows: Sequence[Sequence[str]], number: int) -> tuple[_Columns, int] | None:
    """Columns of the headings that begin at or end with a row, and the rows to go on by."""
    row = rows[number]
    if columns := indicator_columns(row):
        return columns, 1
    roles = [role_of(plain(text), wording().indicators) for text in row if text]
    if "level2" not in roles and "level3" not in roles:
        return None
    # Headings of two rows: Yunnan prints sign, value and unit of the target below one heading.
    for other, used in ((number + 1, 2), (number - 1, 1)):
        if not 0 <= other < len(rows):
            continue
        roles = [role_of(plain(text), wording().indicators) for text in rows[other] if text]
        headings = sum(role in _FIGURES for role in roles)
        if headings < 2 and (not roles or not all(roles)):
            continue
        upper, lower = (row, rows[other]) if used == 2 else (rows[other], row)
        width = max(len(upper), len(lower))
        both = zip(
            [*upper, *[""] * (width - len(upper))],
            [*lower, *[""] * (width - len(lower))],
            strict=True,
        )
        if columns := indicator_columns([below or above for above, below in both]):
            return columns, used
    return None


def funds_columns(row: Sequence[str]) -> _Columns | None:
    columns = _columns(row, wording().funds)
    if columns is None or not columns.has("executed"):
        return None
    budgets = [
        index
        for index, text in enumerate(row)
        if text and role_of(plain(text), wording().funds) == "budget_full_year"
    ]
    if len(budgets) > 1:
        # "年度预算数（万元）" may head the labels; the column of that kind stands right of it.
        return funds_columns([*[""] * (budgets[0] + 1), *row[budgets[0] + 1 :]])
    return columns if columns.has("budget_initial", "budget_full_year", "rate") else None


def _read_funds_row(row: Sequence[str], columns: _Columns) -> dict[str, str] | None:
    """Cells of a row of funds, ``label`` among them, moved until they fit."""
    best: tuple[float, dict[str, str]] | None = None
    first = min((start for role, start, _ in columns.spans if role in _AMOUNTS), default=None)
    if first is None:
        return None
    for shift in _SHIFTS:
        read = columns.cells(row, shift)
        if read is None:
            continue
        cells, left = read
        labels = [text for text in row[: max(first + shift, 0)] if text]
        if not labels or not _looks_like_name(labels[-1]) or len(labels[-1]) > _MAX_LABEL:
            continue
        amounts = [cells.get(role, "") for role in _AMOUNTS if role in cells]
        figures = [cells.get(role, "") for role in ("weight", "score")]
        if not all(_is_nothing(text) or _is_amount(text) for text in amounts):
            continue
        if not all(map(_is_number_or_nothing, figures)):
            continue
        if not _is_rate(cells.get("rate", "")):
            continue
        stray = len([text for text in left if text not in labels])
        worth = 2.0 * sum(map(_is_amount, amounts)) + sum(map(is_plain_number, figures))
        worth += 2 * ("%" in cells.get("rate", "")) - 3 * stray - abs(shift) * 0.5
        if best is None or worth > best[0]:
            best = (worth, {"label": labels[-1], **cells})
    return best[1] if best else None


def _read_indicator_row(row: Sequence[str], columns: _Columns) -> dict[str, str] | None:
    """Cells of a row of indicators by role, moved until they fit; None when they never do."""
    best: tuple[float, dict[str, str]] | None = None
    deepest = [role for role in _LEVELS if columns.has(role)][-1]
    needed = [role for role in ("weight", "score") if columns.has(role)]
    for shift in _SHIFTS:
        read = columns.cells(row, shift)
        if read is None:
            continue
        cells, left = read
        name = cells.get(deepest, "")
        if not name and shift == 0:
            name = next((cells[role] for role in reversed(_LEVELS) if cells.get(role)), "")
        if not name or not _looks_like_name(name):
            continue
        figures = [cells[role] for role in needed]
        if "权重" in columns.headings.get("weight", "") and "weight" in needed:
            # A share of the whole, printed with or without %.
            figures[0] = squeeze(figures[0]).removesuffix("%")
        if not all(map(_is_number_or_nothing, figures)):
            continue
        numbers = sum(map(is_plain_number, figures))
        texts = [cells.get(role, "") for role in ("target", "actual")]
        if not numbers and (shift or not any(texts)):
            continue
        stray = [text for text in left if shift or not _is_side_label(text)]
        stray = stray if shift else [text for text in stray if text not in row[: columns.start]]
        worth = 2.0 * numbers + sum(map(bool, texts)) - 2 * len(stray)
        worth += 0.5 * is_known_level(plain(cells.get("level2", "")))
        worth += 0.5 * is_known_level(plain(cells.get("level1", "")))
        worth -= 0.5 * is_known_level(plain(name))
        worth -= is_plain_number(cells.get("note", "")) + abs(shift) * 0.5
        if best is None or worth > best[0]:
            best = (worth, {**cells, deepest: name})
    return best[1] if best else None


def _read_by_content(row: Sequence[str], columns: _Columns) -> dict[str, str] | None:
    """Cells of a row that fits its columns in no way: the last plain numbers before deviation
    and note are weight and score, actual and target stand before them, and the name."""
    texts = [text for text in row if text]
    wanted = [role for role in ("weight", "score") if columns.has(role)]
    if len(wanted) < 2 or not columns.has("target") or not columns.has("actual"):
        return None
    end = len(texts)
    while end and not is_plain_number(texts[end - 1]):
        end -= 1
    start = end
    while start and is_plain_number(texts[start - 1]):
        start -= 1
    # A deviation is printed as a number or with %.
    if end - start >= 3 and columns.has("deviation"):
        end -= 1
    if end - start < 2 or end < 5:
        return None
    name, target, actual, weight, score = texts[end - 5 : end]
    if not _looks_like_name(name):
        return None
    found = {"target": target, "actual": actual, "weight": weight, "score": score}
    return {**found, "level3": name}


def _is_side_label(text: str) -> bool:
    return fits(wording().side_labels, plain(text))


# --- tables into forms ------------------------------------------------------------------------


def read_performance(grids: Sequence[Grid], pages: Sequence[PageText]) -> PerformanceRead:
    """Read the performance forms among ``grids``; all others are left alone.

    ``pages`` gives the titles above grids that do not hold their own. A form may go on over
    several grids and pages.
    """
    collector = Collector()
    texts = {page.page: page.text for page in pages}
    last: int | None = None
    order = sorted(
        enumerate(grids),
        key=lambda pair: (pair[1].page or 0, pair[1].bbox[1] if pair[1].bbox else 0.0, pair[0]),
    )
    for _, grid in order:
        if grid.page is not None and grid.page != last:
            collector.open_page(grid.page, texts.get(grid.page, ""))
            last = grid.page
        collector.table(grid.page, [[printed_name(c.text) for c in row] for row in grid.rows])
    return collector.finish()


def is_performance_page(text: str) -> bool:
    """Whether a page's text is that of a performance table."""
    squeezed = squeeze(text)
    return sum(word in squeezed for word in wording().signature) >= 2


def is_evaluation_page(text: str) -> bool:
    """Whether indicators with their scores stand on a page, and not only targets."""
    squeezed = squeeze(text)
    return all(word in squeezed for word in ("二级指标", "三级指标", "得分"))


_PROSE: Final = re.compile(r"[。;,?!…]|\.{3}")
_YEAR: Final = re.compile(r"\(?20\d{2}年?度?\)?")
_LEADING: Final = re.compile(
    r"^(?:附?[表件]\d*[-\d]*[:、.]?|\(?[\d一二三四五六七八九十]+\)?[、.])+"
)
_ADDED: Final = re.compile(r"(?:\([^()]*\))+$")


def title_of(line: str) -> str | None:
    """Which table a line is the title of, or None."""
    text = plain(line).lstrip("#").strip()
    if not 5 <= len(text) <= _MAX_TITLE or _PROSE.search(text):
        return None
    text = _ADDED.sub("", _LEADING.sub("", _YEAR.sub("", text)))
    for title in wording().titles:
        if fits(title.pattern, text):
            return title.table
    return None


class Collector:
    """Takes tables and lines in their order and collects the forms among them."""

    def __init__(self) -> None:
        self._forms: list[EvaluationForm] = []
        self._form: EvaluationForm | None = None
        self._mode = ""
        self._closed = True
        self._columns: _Columns | None = None
        self._title: str | None = None
        self._unit: str | None = None
        self._page: int | None = None
        self._named_above = ""
        self._notes: list[str] = []

    def open_page(self, page: int, text: str) -> None:
        """A new page begins: a form goes on only from the page before. Titles in its text serve
        when they all say the same."""
        if self._page is not None and page > self._page + 1:
            self._close()
        lines = text.splitlines()
        titles = {title for line in lines if (title := title_of(line))}
        self._title = titles.pop() if len(titles) == 1 else None
        names = {plain(line): line for line in lines if _names_project(line)}
        self._named_above = names.popitem()[1] if len(names) == 1 else ""
        if unit := first_unit(text):
            self._unit = unit.value
        self._page = page

    def line(self, text: str) -> None:
        """A line of text between tables."""
        title = title_of(text)
        if title:
            self._close()
            self._title = title
        if unit := first_unit(text):
            self._unit = unit.value
        if _names_project(text) and self._named(self._page, [printed_name(text)]):
            return
        if fits(wording().chapters, plain(text)) and not title:
            self._close()
            self._title = None
        elif len(text) > _MAX_TITLE:
            self._mode = "" if self._mode == "summary" else self._mode

    def table(self, page: int | None, rows: Sequence[Sequence[str]]) -> None:
        """A table, its cells as printed without blanks."""
        whole = squeeze("".join("".join(row) for row in rows))
        if re.search(wording().foreign, whole) and not is_performance_page(whole):
            self._close()
            return
        if self._mode == "summary" and not self._still_summary(rows):
            self._close()
        number = 0
        while number < len(rows):
            number += self._take(page, rows, number)

    def finish(self) -> PerformanceRead:
        self._close()
        facts: list[PerformanceFact] = []
        for form in self._forms:
            if form.table is None and form.filled:
                where = f"第{form.page}页" if form.page else "文中"
                form.notes.append(f"{where}绩效表没有项目名称和标题，未计入")
            facts += form.facts()
            self._notes += form.notes
        return PerformanceRead(tuple(facts), few(self._notes))

    # -- rows --

    def _take(self, page: int | None, rows: Sequence[Sequence[str]], number: int) -> int:
        """Read the row at ``number``; returns how many rows were used."""
        row = rows[number]
        filled = [text for text in row if text]
        if not filled:
            return 1
        if len(filled) == 1:
            title = title_of(filled[0])
            if title or (first_unit(filled[0]) and len(filled[0]) < _MAX_LABEL):
                self.line(filled[0])
                return 1
        summary = self._summary_header(rows, number)
        if summary:
            return summary
        if self._named(page, filled):
            return 1
        if found := _indicator_header(rows, number):
            self._ensure_form(page)
            self._mode = "indicators"
            self._columns, used = found
            return used
        if columns := funds_columns(row):
            self._ensure_form(page)
            self._mode, self._columns = "funds", columns
            form = self._form
            assert form is not None
            form.percent_headed = "%" in columns.headings.get("rate", "")
            unit = money_unit("".join(filled))
            form.unit = unit or form.unit or self._unit
            return 1
        if self._management_header(page, row):
            return 1
        self._body(page, row, filled)
        return 1

    def _body(self, page: int | None, row: Sequence[str], filled: Sequence[str]) -> None:
        labels = [plain(text) for text in filled]
        if self._mode == "summary":
            self._summary_row(page, row)
            return
        if self._form is None or self._closed:
            return
        if fits(wording().ends, labels[0]):
            self._mode = ""
            return
        if any(fits(wording().goals, text) for text in labels[:2]) and not any(
            map(is_plain_number, labels)
        ):
            self._mode = ""
            return
        begun = self._form.indicators or self._form.funds
        if (
            self._mode != "funds"
            and begun
            and any(fits(wording().total, text) for text in labels[:2])
        ):
            self._total_row(page, row, filled)
            return
        if self._mode == "funds":
            self._funds_row(page, row)
        elif self._mode == "indicators":
            self._indicator_row(page, row)
        elif self._mode == "management":
            self._management_row(page, row)
        elif not self._form.funds:
            self._headless_funds(page, row, filled)

    def _named(self, page: int | None, filled: Sequence[str]) -> bool:
        """Whether a row names the project or the unit; opens its form."""
        if len(filled) > _MAX_NAME_CELLS:
            return False
        for position, text in enumerate(filled[:2]):
            if position and not _is_side_label(filled[0]):
                break
            label, _, inside = plain(text).partition(":")
            for table, pattern in wording().names.items():
                if not fits(pattern, label):
                    continue
                following = filled[position + 1] if position + 1 < len(filled) else ""
                value = re.split("[:：]", text, maxsplit=1)[1] if inside else following
                # "项目名称 | 项目单位 | …" are the headings of a list.
                if role_of(plain(value), wording().summary) or _is_list_heading(value):
                    return False
                form = None if self._closed else self._form
                if table == "unit" and form and form.table == "project" and not form.filled:
                    # A project's form names its unit too.
                    return True
                self._open(page, table, value)
                return True
        return False

    def _open(self, page: int | None, table: str | None, project: str) -> None:
        unit = self._unit
        self._close(keep_unit=True)
        self._form = EvaluationForm(table or self._title, project, unit, page=page)
        self._forms.append(self._form)
        self._closed = False
        self._unit = unit

    def _ensure_form(self, page: int | None) -> None:
        """The open form, or a nameless one of the kind that the title says."""
        if self._form is None or self._closed:
            # The name may stand in a line above the table.
            if self._named_above and self._named(page, [self._named_above]):
                self._named_above = ""
                return
            table = self._title if self._title != "summary" else None
            self._open(page, table, "")

    def _close(self, *, keep_unit: bool = False) -> None:
        self._closed = True
        self._form = None
        self._mode = ""
        self._columns = None
        if not keep_unit:
            self._unit = None

    # -- funds --

    def _funds_row(self, page: int | None, row: Sequence[str]) -> None:
        assert self._form is not None
        assert self._columns is not None
        cells = _read_funds_row(row, self._columns)
        if cells is None:
            if any(map(is_plain_number, row)):
                self._not_read(page, row)
            return
        self._add_funds(page, cells)

    def _add_funds(self, page: int | None, cells: dict[str, str]) -> None:
        assert self._form is not None
        label = cells.pop("label")
        self._form.unit = money_unit(label) or self._form.unit
        cells = {role: text for role, text in cells.items() if role in (*_AMOUNTS, *_OTHERS)}
        self._form.funds.append(Item(page, source_label(label), cells))

    def _headless_funds(self, page: int | None, row: Sequence[str], filled: Sequence[str]) -> None:
        """Funds without headings: known by the label of their total, and by the order of columns
        in which the rate is that of the amounts."""
        label = next(
            (i for i, text in enumerate(row) if text and fits(wording().funds_total, plain(text))),
            None,
        )
        if label is None:
            return
        columns = _headless_columns(row, label)
        if columns is None:
            if any(map(is_plain_number, row)):
                self._not_read(page, row)
            return
        self._mode, self._columns = "funds", columns
        self._funds_row(page, row)

    # -- indicators --

    def _indicator_row(self, page: int | None, row: Sequence[str]) -> None:
        assert self._form is not None
        assert self._columns is not None
        columns = self._columns
        if self._is_cut_off(page, row) and self._continues(page, row):
            return
        cells = _read_indicator_row(row, columns) or _read_by_content(row, columns)
        if cells is None:
            if not self._continues(page, row):
                self._not_read(page, row)
            return
        items = self._form.indicators
        if any(fits(wording().subtotals, plain(text)) for text in row):
            return
        levels = [cells.get(role, "") for role in _LEVELS if cells.get(role)]
        above = items[-1].levels if items else ()
        labels = tuple(levels[:-1]) or above
        if cells.get("operator") and cells.get("target") and figure(cells["target"])[0] is not None:
            # Sichuan and others print sign, value and unit of a target in three columns.
            sign = cells["operator"]
            sign = sign if re.fullmatch(r"[≥≤≧≦><=]+", squeeze(sign)) else ""
            cells["target"] = sign + cells["target"] + (cells.get("unit") or "")
        kept: dict[str, str] = {role: cells[role] for role in (*_FIGURES, "unit") if role in cells}
        items.append(Item(page, levels[-1], kept, labels))

    def _is_cut_off(self, page: int | None, row: Sequence[str]) -> bool:
        """Whether a page begins with words that belong to the last row of the page before: no
        figures, no label of a group, and every row so far had a weight or a score."""
        assert self._form is not None
        assert self._columns is not None
        items = self._form.indicators
        read = self._columns.cells(row, 0)
        if not items or items[-1].page == page or read is None:
            return False
        cells, _ = read
        if any(cells.get(role) for role in ("level1", "level2", "weight", "score")):
            return False
        return all(item.cells.get("weight") or item.cells.get("score") for item in items)

    def _continues(self, page: int | None, row: Sequence[str]) -> bool:
        """The rest of a row that a page's end cut: words only, under the columns of the row
        above. Returns whether it was that, or only labels of groups."""
        assert self._form is not None
        assert self._columns is not None
        if any(map(is_plain_number, row)):
            return False
        items = self._form.indicators
        read = self._columns.cells(row, 0)
        if read is None or not items or items[-1].page == page:
            # On the same page words alone are a label that stands by itself.
            return not any(figure(text)[0] is not None for text in row)
        cells, _ = read
        deepest = [role for role in _LEVELS if self._columns.has(role)][-1]
        items[-1].name += cells.get(deepest, "")
        for role in ("target", "actual"):
            if cells.get(role) and role in items[-1].cells:
                items[-1].cells[role] += cells[role]
        return True

    def _total_row(self, page: int | None, row: Sequence[str], filled: Sequence[str]) -> None:
        assert self._form is not None
        name = next(text for text in filled if fits(wording().total, plain(text)))
        numbers = [text for text in filled if is_plain_number(text)]
        if not numbers and not any(":" in plain(text) for text in filled):
            return
        cells: dict[str, str] | None = None
        if self._columns is not None and self._mode == "indicators":
            read = self._columns.cells(row, 0)
            if read is not None:
                fitting = {role: read[0].get(role, "") for role in ("weight", "score")}
                if sorted(text for text in fitting.values() if text) == sorted(numbers):
                    cells = fitting
        if cells is None or len(numbers) == 1:
            cells = total_cells(numbers, self._form)
        if cells and self._form.total is None:
            self._form.total = Item(page, name.rstrip(":："), cells)
        if self._form.indicators:
            self._closed = True
        self._mode = ""

    # -- management --

    def _management_header(self, page: int | None, row: Sequence[str]) -> bool:
        if not any(fits(wording().management, plain(text)) for text in row if text):
            return False
        columns = _columns(row, wording().indicators)
        if columns is None or not (columns.has("weight") and columns.has("score")):
            return False
        if self._form is None or self._closed:
            return False
        self._mode, self._columns = "management", columns
        return True

    def _management_row(self, page: int | None, row: Sequence[str]) -> None:
        assert self._form is not None
        assert self._columns is not None
        read = self._columns.cells(row, 0)
        names = [text for text in row if text and not _is_side_label(text)]
        if read is None or len(names) < 2:
            return
        cells = {role: read[0].get(role, "") for role in ("weight", "score")}
        if _looks_like_name(names[0]) and all(map(is_plain_number, cells.values())):
            self._form.management.append(Item(page, names[0], cells))

    # -- summaries --

    def _summary_header(self, rows: Sequence[Sequence[str]], number: int) -> int:
        """Rows of headings of a list of projects at ``number``, or 0."""
        names = [text for text in rows[number] if text]
        roles = [role_of(plain(text), wording().summary) for text in names]
        if "project" not in roles or len(names) < 2 or not all(map(_is_list_heading, names)):
            return 0
        merged, used = list(rows[number]), 1
        while number + used < len(rows) and used < 4:
            row = rows[number + used]
            texts = [text for text in row if text]
            if not texts or not all(
                role_of(plain(text), wording().summary) or _is_list_heading(text) for text in texts
            ):
                break
            for index, text in enumerate(row):
                if text:
                    merged += [""] * (index + 1 - len(merged))
                    merged[index] = text
            used += 1
        columns = _columns(merged, {**wording().summary, "": wording().summary_other})
        if columns is None:
            return 0
        evaluates = self._title == "summary" or re.search("自评|评价|绩效", "".join(merged))
        figures = [role for role, _, _ in columns.spans if role != "project"]
        if not figures or not evaluates:
            self._close(keep_unit=True)
            return used
        self._open(None, "summary", "")
        assert self._form is not None
        self._form.unit = money_unit("".join(merged)) or self._unit
        self._mode, self._columns = "summary", self._summary_columns(merged)
        return used

    def _summary_columns(self, headings: Sequence[str]) -> _Columns:
        """Every figure's column under its own heading: two may have one role."""
        assert self._form is not None
        spans: list[tuple[str, int, int]] = []
        seen: set[str] = set()
        filled = [index for index, text in enumerate(headings) if text]
        for index, stop in zip(filled, [*filled[1:], len(headings)], strict=True):
            text = printed_name(headings[index])
            role = role_of(plain(text), wording().summary)
            if role is None or (role == "project" and "project" in seen):
                continue
            seen.add(role)
            key = "project" if role == "project" else text
            if role != "project":
                self._form.headings[text] = role
            spans.append((key, index, stop))
        return _Columns(tuple(spans), len(headings))

    def _still_summary(self, rows: Sequence[Sequence[str]]) -> bool:
        """Whether a table goes on with the rows of the list: as wide, and figures fit."""
        columns = self._columns
        if columns is None or not rows or max(map(len, rows)) != columns.width:
            return False
        return any(self._summary_cells(row) for row in rows[:3])

    def _summary_cells(self, row: Sequence[str]) -> dict[str, str] | None:
        assert self._form is not None
        assert self._columns is not None
        read = self._columns.cells(row, 0)
        if read is None or not has_chinese(read[0].get("project", "")):
            return None
        cells = {key: text for key, text in read[0].items() if key != "project"}
        fit = all(_is_rate(text) for text in cells.values())
        some = any(not _is_nothing(text) for text in cells.values())
        return read[0] if fit and some else None

    def _summary_row(self, page: int | None, row: Sequence[str]) -> None:
        assert self._form is not None
        assert self._columns is not None
        cells = self._summary_cells(row)
        if cells is None:
            if sum(map(is_plain_number, row)) >= 2:
                self._not_read(page, row)
            elif len([text for text in row if text]) == 1:
                self.line(next(text for text in row if text))
            return
        project = cells.pop("project")
        self._form.rows.append(Item(page, project, cells))

    def _not_read(self, page: int | None, row: Sequence[str]) -> None:
        where = f"第{page}页" if page else "文中"
        shown = " ".join(text for text in row if text)[:60]
        self._notes.append(f"{where}绩效表有一行未能读出：{shown}")


_OTHERS: Final = ("weight", "rate", "score")


def source_label(text: str) -> str:
    """The printed label of a row of funds without its unit and what stands for its column."""
    label = re.sub(r"^资金来源[:：]?", "", text)
    label = re.sub(r"[（(]万?元[)）]", "", label)
    return label.rstrip(":：") or text


def _names_project(line: str) -> bool:
    """Whether a line of text names the project of the table below."""
    label, _, name = plain(line).partition(":")
    return bool(name) and len(name) <= _MAX_TITLE and fits(wording().names["project"], label)


def _is_list_heading(text: str) -> bool:
    shown = plain(text)
    return role_of(shown, {"other": wording().summary_other}) is not None or (
        role_of(shown, wording().summary) is not None
    )


def money_unit(text: str) -> str | None:
    found = re.search(r"[(（](?:单位[:：])?(万元|千元|亿元|元)[)）]", text)
    return MoneyUnit(found[1]).value if found else None


def _headless_columns(row: Sequence[str], label: int) -> _Columns | None:
    places = [
        index
        for index in range(label + 1, len(row))
        if row[index] and _is_rate(row[index]) and not _is_nothing(row[index])
    ]
    for order in wording().headless_orders:
        if len(order) != len(places):
            continue
        cells = {role: row[place] for role, place in zip(order, places, strict=True)}
        if "%" in "".join(text for role, text in cells.items() if role != "rate"):
            continue
        if "%" in cells["rate"] or _is_percent(cells):
            if not _rate_fits(cells):
                continue
            stops = [*places[1:], places[-1] + 1]
            spans = tuple(zip(order, places, stops, strict=True))
            return _Columns(spans, len(row))
    return None


def _rate_fits(cells: Mapping[str, str]) -> bool:
    bare = {role: squeeze(text).removesuffix("%") for role, text in cells.items()}
    executed, budget = figure(bare["executed"])[0], figure(bare["budget_full_year"])[0]
    rate = figure(bare["rate"])[0]
    if executed is None or budget is None or rate is None:
        return False
    if budget == 0:
        return executed == 0
    return abs(executed / budget * 100 - rate) <= Decimal("0.6")


def text_tables(pages: Iterable[PageText]) -> PerformanceRead:
    """Read the performance forms of a text whose cells are separated by TAB."""
    collector = Collector()
    for page in pages:
        if page.page is not None:
            collector.open_page(page.page, "")
        block: list[list[str]] = []
        for line in [*page.text.split("\n"), ""]:
            if "\t" in line and not re.fullmatch(r"[\s|\-—=_:]*", line):
                block.append([printed_name(cell) for cell in line.split("\t")])
                continue
            if "\t" in line:
                continue
            if block:
                collector.table(page.page, block)
                block = []
            if line.strip():
                collector.line(clean(line).strip())
        if block:
            collector.table(page.page, block)
    return collector.finish()
