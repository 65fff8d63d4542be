"""What a link is worth: rules as data in ``link_scores.yaml``, the points with their reasons.

A link that a crawl considers is scored by what it says it is, whose, of which year, in which
format and from which column; a link of a portal's menus by how near to a column of final accounts
it leads. The reasons are Chinese: auditors and operators read them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, cached_property
from importlib.resources import files
from typing import Final
from urllib.parse import unquote, urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, field_validator

_YEAR: Final = re.compile(r"(?<!\d)(19[89]\d|20\d\d)(?=年|学年|度|部门|决算|预|[^\d]|$)")
_CHINESE_YEAR: Final = re.compile(r"二[〇○零Oo0][〇○零一二三四五六七八九]{2}(?=年)")
_CHINESE_DIGITS: Final = str.maketrans("〇○零Oo一二三四五六七八九", "00000123456789")
_SUFFIX: Final = re.compile(r"\.([A-Za-z0-9]{2,4})$")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Rule(_Model):
    """Points for a text that a pattern is found in."""

    points: int
    why: str
    pattern: str

    @field_validator("pattern")
    @classmethod
    def _is_expression(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.IGNORECASE)

    def applies(self, text: str) -> bool:
        return self._expression.search(text) is not None

    @property
    def reason(self) -> str:
        return f"{self.why} {self.points:+d}"


class _KindRule(_Rule):
    kind: str


class _ColumnRule(_Rule):
    kind: str | None = None


class _TypeRule(_Model):
    points: int
    why: str
    suffixes: frozenset[str]


class _Worth(_Model):
    points: int
    why: str


class _YearPoints(_Model):
    plausible: int
    too_early: int
    in_future: int
    not_of_column: int


class _Years(_Model):
    first: int
    points: _YearPoints


class _Verdicts(_Model):
    kinds: Mapping[str, str]
    recheck_days: int


class _NavigationRule(_Rule):
    goal: bool = False
    within: bool = False


class _Navigation(_Model):
    threshold: int
    step: int
    deepest: int
    after_found: int
    links: tuple[_NavigationRule, ...]
    addresses: tuple[_Rule, ...]


class _Scores(_Model):
    threshold: int
    years: _Years
    kind: tuple[_KindRule, ...]
    contradiction: _Worth
    words: tuple[_Rule, ...]
    department: _Rule
    column: tuple[_ColumnRule, ...]
    type: tuple[_TypeRule, ...]
    verdicts: _Verdicts
    navigation: _Navigation


@cache
def _scores() -> _Scores:
    text = (files(__package__) / "link_scores.yaml").read_text(encoding="utf-8")
    return _Scores.model_validate(yaml.safe_load(text))


@dataclass(frozen=True, slots=True)
class LinkScore:
    """The points of a link and what gave them.

    ``kind`` is what the link says it is (``final_accounts``, ``budget``, ``performance``,
    ``government``, ``works``) and ``year`` of which year, each None where it does not say;
    ``department``: it names one.
    """

    points: int
    reasons: tuple[str, ...]
    kind: str | None = None
    year: int | None = None
    department: bool = False

    @property
    def wanted(self) -> bool:
        """Whether the link is worth a request."""
        return self.points >= _scores().threshold

    def why_not(self) -> str | None:
        """Why the link is not fetched (Chinese), or None if it is wanted."""
        if self.wanted:
            return None
        return f"评分 {self.points} 低于 {_scores().threshold}：{'，'.join(self.reasons)}"


@dataclass(frozen=True, slots=True)
class NavigationScore:
    """How promising a link of a menu is. ``goal``: it names a column of final accounts, or a page
    above such columns."""

    points: int
    reasons: tuple[str, ...]
    goal: bool = False

    @property
    def wanted(self) -> bool:
        return self.points >= _scores().navigation.threshold


@dataclass(frozen=True, slots=True)
class Verdict:
    """What reading a document said, and what its link said when it was fetched: its text, the
    title of its article and its date.

    ``kind`` is a :class:`disclosures.model.DocumentKind`; ``fetched_at`` is when a server last
    answered for it.
    """

    kind: str
    year: int | None
    reason: str | None
    fetched_at: datetime
    told: tuple[str | None, ...]


def plain(text: str) -> str:
    """Text as patterns see it: no blanks, half width, Chinese years in digits."""
    squeezed = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))
    return _CHINESE_YEAR.sub(lambda match: match[0].translate(_CHINESE_DIGITS), squeezed)


def year_in(text: str) -> int | None:
    """The year of accounts that a title names, the first of several, or None."""
    return next(iter(_years_in(plain(text))), None)


def score_link(
    names: Iterable[str | None],
    *,
    column: str | None,
    address: str,
    today: date,
) -> LinkScore:
    """Score a link of a column by its words.

    ``names`` are what it is called, nearest first: the text of the link and the file's name, then
    the title of its article. ``column`` is the name under which the column is registered.
    """
    scores = _scores()
    said = [plain(name) for name in names if name]
    points = 0
    reasons: list[str] = []

    def add(worth: int, why: str, text: str = "") -> None:
        nonlocal points
        points += worth
        reasons.append(f"{why}{f'（{text}）' if text else ''} {worth:+d}")

    ruled = [rule for name in said if (rule := _kind_of(name)) is not None]
    kind = ruled[0].kind if ruled else None
    if ruled:
        add(ruled[0].points, ruled[0].why)
        if {"budget", "final_accounts"} <= {rule.kind for rule in ruled}:
            add(scores.contradiction.points, scores.contradiction.why)
    for word in scores.words:
        if any(word.applies(_stem(name)) for name in said):
            add(word.points, word.why)
    department = any(scores.department.applies(_stem(name)) for name in said)
    if department:
        add(scores.department.points, scores.department.why)

    place = plain(column or "")
    for entry in scores.column:
        if (entry.kind is None or entry.kind == kind) and entry.applies(place):
            add(entry.points, entry.why)
            break

    years = next((found for name in said if (found := _years_in(name))), ())
    year = years[0] if years else None
    if year is not None:
        worth = scores.years.points
        if max(years) < scores.years.first:
            add(worth.too_early, f"年度 {year} 早于 {scores.years.first}")
        elif min(years) > today.year:
            add(worth.in_future, f"年度 {year} 尚未到来")
        else:
            add(worth.plausible, f"年度 {year}")
        of_column = year_in(column or "")
        if of_column is not None and of_column != year:
            add(worth.not_of_column, f"栏目为 {of_column} 年度")

    suffix = next((ending for name in (address, *said) if (ending := _suffix(name))), None)
    for type_ in scores.type:
        if suffix in type_.suffixes:
            add(type_.points, type_.why, suffix or "")
    return LinkScore(points, tuple(reasons), kind, year, department)


def score_navigation(text: str, address: str, *, within: bool, depth: int = 0) -> NavigationScore:
    """Score a link of a menu by its text and address.

    ``within``: the page that it stands on is a column of final accounts, or one above such.
    ``depth`` counts the steps from the home page.
    """
    rules = _scores().navigation
    called = plain(text)
    points = rules.step * depth
    reasons: list[str] = []
    goal = False
    for rule in rules.links:
        if (within or not rule.within) and called and rule.applies(called):
            points += rule.points
            reasons.append(rule.reason)
            goal = rule.goal
            break
    path = unquote(urlsplit(address).path)
    for about in rules.addresses:
        if about.applies(path):
            points += about.points
            reasons.append(about.reason)
    return NavigationScore(points, tuple(reasons), goal)


def settled(
    verdict: Verdict,
    *,
    told: tuple[str | None, ...],
    twin: str | None,
    now: datetime,
) -> str | None:
    """Why a document that was read before need not be asked for again (Chinese), or None.

    ``told`` is what its link says now: text, title of the article, date. ``twin`` is a URL that
    gave the same body in this crawl. It has to be asked for when its link says something new of
    it, or when it was last fetched long ago: portals do replace files under the same address.
    """
    rules = _scores().verdicts
    if told != verdict.told:
        return None
    if now - verdict.fetched_at > timedelta(days=rules.recheck_days):
        return None
    name = rules.kinds.get(verdict.kind)
    if name is not None:
        detail = f"（{verdict.reason}）" if verdict.reason else ""
        return f"此前读取判定为{name}{detail}，不再抓取"
    if verdict.year is not None and not _scores().years.first <= verdict.year <= now.year:
        return f"此前读取判定为 {verdict.year} 年度的文件，不再抓取"
    return f"与 {twin} 内容相同，不再抓取" if twin is not None else None


def deepest_step() -> int:
    """How many steps from a portal's home page are looked at."""
    return _scores().navigation.deepest


def pages_after_found() -> int:
    """How many pages beside goals are looked at once a column has been found."""
    return _scores().navigation.after_found


def _kind_of(name: str) -> _KindRule | None:
    return next((rule for rule in _scores().kind if rule.applies(_stem(name))), None)


def _years_in(name: str) -> tuple[int, ...]:
    return tuple(int(year) for year in _YEAR.findall(name))


def _stem(name: str) -> str:
    """A name without the suffix of a file."""
    return _SUFFIX.sub("", name)


def _suffix(name: str) -> str | None:
    parts = urlsplit(name) if "://" in name else None
    match = _SUFFIX.search(unquote(parts.path) if parts else name)
    return match[1].lower() if match else None
