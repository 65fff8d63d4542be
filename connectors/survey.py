"""Looking around on a portal: a few pages of its menus, the most promising link first, or the first
page of each registered column. Runs where crawls run (:mod:`connectors.engine`), with their manners
and guards; :mod:`connectors.discovery` and :mod:`connectors.probing` judge what it brought.
"""

from __future__ import annotations

import heapq
import itertools
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from lxml import etree
from scrapy.http import Request, Response
from twisted.python.failure import Failure

from connectors.families import (
    FamilyOptions,
    ListEntry,
    ListPage,
    Page,
    families,
    is_document_url,
    recognise,
)
from connectors.families.links import ARTICLE_URL
from connectors.families.page import text_of, title_of
from connectors.link_scores import (
    LinkScore,
    NavigationScore,
    deepest_step,
    pages_after_found,
    score_link,
    score_navigation,
)
from connectors.recorder import Aim
from connectors.records import FetchRole
from connectors.spider import SiteSpider

#: Between the names of the steps that lead to a page.
STEP: Final = " / "
_NAME_CHARACTERS: Final = 40
_LINKS_PER_PAGE: Final = 3000
_DATA_REQUESTS: Final = 3
_QUOTED: Final = re.compile(r"""["']([^"'\s<>]{2,300})["']""")
_LOOKS_LIKE_ADDRESS: Final = re.compile(
    r"^(?:https?://|\.{0,2}/)[^\s]*$|^[\w./-]+\.(?:s?html?|jspx?|aspx?|php)(?:\?\S*)?$", re.I
)
#: Bounded everywhere: scripts are long, and strangers write them.
_SCRIPTED_ANCHOR: Final = re.compile(r"<a\s([^<>]{1,400})>([^<>]{1,80})<", re.I)
_SCRIPTED_HREF: Final = re.compile(r"""\bhref\s{0,3}=\s{0,3}\\?["']([^"'\\]{1,300})""", re.I)
_SCRIPTED_MOVE: Final = re.compile(
    r"""location(?:\.href)?\s*(?:=|\.replace\(|\.assign\()\s*["']([^"']+)["']""", re.I
)
_SITE_MAP_ENTRY: Final = re.compile(r"<loc>\s*([^<\s]+)\s*</loc>", re.I)
_LEAST_LINKS: Final = 3
_IMAGE: Final = re.compile(r"\.(?:jpe?g|png|gif|bmp|svg|ico|css|js|mp4)$", re.I)


@dataclass(frozen=True, slots=True)
class MenuLink:
    """A link that may lead to a column. ``name`` is None for a frame: it is part of its page."""

    url: str
    name: str | None


@dataclass(frozen=True, slots=True)
class ListReading:
    """A page as a list of the family that reads it best. ``matches`` are the entries that name
    themselves as final accounts, or name a department on a page of such."""

    family: str
    certainty: float
    reasons: tuple[str, ...]
    page: ListPage
    matches: tuple[ListEntry, ...]

    @property
    def found_columns(self) -> bool:
        """Whether the page serves all columns and knows which are those of accounts."""
        return families()[self.family].finds_columns and bool(self.page.further)


def menu_links(page: Page) -> tuple[MenuLink, ...]:
    """The links of a page that may lead to columns, in page order, each address once: anchors,
    areas, options, frames, what scripts write or open, and the entries of an XML site map."""
    found: dict[str, MenuLink] = {}
    for address, name in itertools.islice(_references(page), _LINKS_PER_PAGE):
        url = page.absolute(address)
        if url is None or url == page.url or ARTICLE_URL.search(url) or is_document_url(url):
            continue
        if _IMAGE.search(urlsplit(url).path):
            continue
        known = found.get(url)
        # A picture may lead to a column, too; the link with the words counts.
        if known is None or (not known.name and name):
            found[url] = MenuLink(url, name[:_NAME_CHARACTERS] if name is not None else None)
    return tuple(found.values())


def _references(page: Page) -> Iterator[tuple[str, str | None]]:
    if page.text.lstrip()[:200].lower().startswith(("<?xml", "<urlset", "<sitemapindex")):
        for match in _SITE_MAP_ENTRY.finditer(page.text):
            yield match[1], urlsplit(match[1]).path.rstrip("/").rpartition("/")[2]
        return
    anchors = 0
    for element in page.all("//*[@href or @src or @value or @onclick or @data-url or @data-href]"):
        tag = element.tag
        if tag in {"a", "area"} and element.get("href"):
            anchors += 1
            yield element.get("href", ""), title_of(element) or element.get("alt") or ""
        elif tag in {"iframe", "frame"} and element.get("src"):
            yield element.get("src", ""), None
        elif tag == "option" and _LOOKS_LIKE_ADDRESS.match(element.get("value", "")):
            yield element.get("value", ""), text_of(element)
        if tag in {"script", "link", "img", "input"}:
            continue
        for attribute in ("data-url", "data-href", "onclick"):
            value = element.get(attribute)
            quoted = _QUOTED.findall(value) if value and attribute == "onclick" else [value or ""]
            for address in quoted:
                if _LOOKS_LIKE_ADDRESS.match(address):
                    yield address, title_of(element)
    for match in _SCRIPTED_ANCHOR.finditer(page.scripts):
        href = _SCRIPTED_HREF.search(match[1])
        if href:
            yield href[1], match[2].strip()
    if anchors < _LEAST_LINKS:
        # A home page that only moves on to the real one, by a plain assignment.
        for match in _SCRIPTED_MOVE.finditer(page.scripts):
            yield match[1], None


def page_name(page: Page) -> str:
    """What a page calls itself: its column, else its title up to the name of the site."""
    for path, attribute in (
        ("//meta[translate(@name,'COLUMNAE','columnae')='columnname'][@content]", "content"),
        ("//title", None),
    ):
        for element in page.all(path):
            text = element.get(attribute, "") if attribute else text_of(element)
            text = re.split(r"[-_|—–]", text.strip())[0].strip()
            if text:
                return str(text)[:_NAME_CHARACTERS]
    return ""


def read_as_list(address: str, text: str, name: str) -> ListReading | None:
    """Read a page as a list by the family that finds most in it, the likeliest first; None if no
    family makes anything of it. ``name`` is what led there."""
    readings: list[ListReading] = []
    for recognition in recognise(address, text):
        family = families().get(recognition.family)
        if family is None:
            continue
        try:
            page = family.parse_list(address, text, FamilyOptions())
        except (ValueError, TypeError, KeyError, AttributeError, etree.LxmlError):
            continue  # a stranger's page that another family may read
        readings.append(
            ListReading(
                recognition.family,
                recognition.score,
                recognition.reasons,
                page,
                disclosures_among(page.entries, name),
            )
        )
    if not readings:
        return None
    most = max(len(reading.matches) for reading in readings)
    for fits in (
        lambda reading: most and len(reading.matches) * 5 >= most * 4,
        lambda reading: reading.page.entries,
        lambda reading: reading.page.further,
    ):
        best = next((reading for reading in readings if fits(reading)), None)
        if best is not None:
            return best
    return readings[0]


def disclosures_among(entries: tuple[ListEntry, ...], column: str) -> tuple[ListEntry, ...]:
    """The entries that look like final accounts of departments."""
    today = datetime.now(UTC).date()
    found = []
    for entry in entries:
        score = score_link((entry.title,), column=column, address=entry.url, today=today)
        plain_name = score.kind is None and score.department and "决算" in column
        if score.wanted and (score.kind == "final_accounts" or plain_name):
            found.append(entry)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Step:
    """How a page was come to."""

    depth: int
    goal: bool  # it is named as a column of final accounts, or stands below one
    data: bool = False  # the answer to a page's own request for its list


class SurveySpider(SiteSpider):
    """Follows menus while they promise a column (``explore``), or reads the first page of each
    registered column and nothing else."""

    name = "survey"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._steps: dict[str, _Step] = {}
        self._frontier: list[tuple[int, int, Aim]] = []
        self._count = itertools.count()
        self._home_links: frozenset[str] = frozenset()
        self._found = False
        self._after_found = 0

    @property
    def _explores(self) -> bool:
        return self.order.survey is not None and self.order.survey.explore

    async def start(self) -> AsyncIterator[Request]:
        for column in self.order.site.columns:
            url = column.url if self._explores else self._family.start(column.url, column.options)
            self._steps[url] = _Step(0, goal=False)
            aim = Aim(FetchRole.LIST, url, column.options, None, column=column.what)
            for request in self._aim(aim):
                yield request

    # -- the frontier -----------------------------------------------------------------------

    def on_answer(self, response: Response) -> Iterator[Request]:
        yield from super().on_answer(response)
        yield from self._next()

    def on_failure(self, failure: Failure) -> Iterator[Request]:  # type: ignore[override]
        super().on_failure(failure)
        yield from self._next()

    def _next(self) -> Iterator[Request]:
        """The request for the best link so far that is still worth one."""
        while self._frontier:
            _, _, aim = heapq.heappop(self._frontier)
            step = self._steps[aim.url]
            if self._found and not step.goal:
                if self._after_found >= pages_after_found():
                    self._skip(aim, "已找到部门决算栏目，其他栏目不再探查")
                    continue
                self._after_found += 1
            for request in self._aim(aim):
                yield request
                return

    # -- pages ------------------------------------------------------------------------------

    def _read_list(
        self, aim: Aim, url: str, text: str, keep: Callable[..., None]
    ) -> Iterator[Request]:
        keep()
        if not self._explores:
            yield from self._ask_for_data(aim, url, self._family.parse_list(url, text, aim.options))
            return
        page = Page(url, text)
        step = self._steps[aim.url]
        if step.depth == 0 and not step.goal and not step.data:
            name = page_name(page)
            step = _Step(0, goal=score_navigation(name, url, within=False).goal)
            if step.goal:
                aim = Aim(aim.role, aim.url, column=name)
        reading = read_as_list(url, text, aim.column or "")
        if reading is not None and reading.found_columns:
            step = _Step(step.depth, goal=True, data=step.data)
        if reading is not None and (step.goal or step.data):
            if reading.matches:
                self._found = True
            if not step.data:
                yield from self._ask_for_data(aim, url, reading.page)
        if not step.data and step.depth < deepest_step():
            self._follow(aim, step, page)

    def _ask_for_data(self, aim: Aim, url: str, page: ListPage) -> Iterator[Request]:
        """The requests by which a page without entries gets its list."""
        if page.entries or aim.found_on == url:
            return
        step = self._steps.get(aim.url)
        if step is not None and step.data:
            return
        for address in page.further[:_DATA_REQUESTS]:
            if address in self._steps:
                continue
            self._steps[address] = _Step(0 if step is None else step.depth, goal=True, data=True)
            yield from self._aim(
                Aim(FetchRole.LIST, address, aim.options, aim.url, column=aim.column)
            )

    def _follow(self, aim: Aim, step: _Step, page: Page) -> None:
        links = menu_links(page)
        if step.depth == 0 and not self._home_links:
            self._home_links = frozenset(link.url for link in links)
        for link in links:
            place = urlsplit(link.url)
            # Below a column stand years and departments; what every page links to is its frame.
            within = (
                step.goal
                and link.url not in self._home_links
                and place.netloc == urlsplit(page.url).netloc
                and place.path not in {"", "/"}
            )
            if link.name is None:
                score = NavigationScore(90, ("页面中的框架或跳转 +90",), step.goal)
            else:
                score = score_navigation(link.name, link.url, within=within, depth=step.depth)
            if _is_entry(link.name) or link.url in self._steps:
                continue
            name = STEP.join(filter(None, (aim.column if step.depth else None, link.name)))
            to = Aim(
                FetchRole.LIST,
                link.url,
                found_on=aim.url,
                link_text=link.name,
                column=name,
                score=LinkScore(score.points, score.reasons),
            )
            if score.wanted:
                self._steps[link.url] = _Step(step.depth + 1, goal=score.goal)
                heapq.heappush(self._frontier, (-score.points, next(self._count), to))
            elif "算" in (link.name or ""):
                self._steps[link.url] = _Step(step.depth + 1, goal=False)
                self._skip(to, "，".join(score.reasons))


def _is_entry(name: str | None) -> bool:
    """Whether a link is the article of one department, by its words: its name, year and 决算."""
    if name is None or "决算" not in name:
        return False
    score = score_link((name,), column=None, address="", today=datetime.now(UTC).date())
    return score.department and score.year is not None
