"""The entries of a list page: links to articles or files, with the dates beside them."""

from __future__ import annotations

import itertools
import re
from typing import Final

import lxml.html

from connectors.families.base import FamilyOptions, ListEntry
from connectors.families.links import ARTICLE_URL, SCRIPTED_FILE, is_document_url, shown_file
from connectors.families.page import Page, date_in, date_of_url, title_of, visible_text

_CLIMB: Final = 5
_TITLE_CHARACTERS: Final = 4
_ROW_CHARACTERS: Final = 120
_ROW_LINKS: Final = 4
#: Classes and ids of the parts that recommend articles of other columns.
_ASIDE: Final = re.compile(
    r"(?i)(?:^|[\s_-])(?:aside|sidebar|recommend\w*|related?|xgyd|xgnr|hot(?:list|news)?|rank\w*|tuijian"
    r"|remen|friendlink\w*|footer|breadcrumb)(?:$|[\s_-])"
)
_ASIDE_TAGS: Final = frozenset({"aside", "nav", "footer"})
_MONTH_DAY: Final = re.compile(r"[\[(（]?\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?\s*[\])）]?")
_SCRIPTED_LINK: Final = re.compile(
    r"""(?:open|href\s*=|jump|goto)\s*\(?\s*["']([^"']+)["']""", re.I
)


def entries_of(
    page: Page, options: FamilyOptions, *, any_address: bool = False
) -> tuple[ListEntry, ...]:
    """The entries of a list in page order, each address once.

    A link is an entry by its address (:data:`ARTICLE_URL`, a file, ``options.article_url``), or
    by a date that stands in its row and in no other link's; with ``any_address`` every link is.
    What a page recommends beside its list is left out, unless it is all that there is.
    """
    pattern = ARTICLE_URL if options.article_url is None else re.compile(options.article_url)
    links: dict[str, list[lxml.html.HtmlElement]] = {}
    titles: dict[lxml.html.HtmlElement, str] = {}
    sure, all_links = _Rows(), _Rows()
    for anchor in page.all("//a[@href or @onclick]", options.entries_within):
        url = _address(page, anchor)
        if url is None or url == page.url:
            continue
        links.setdefault(url, []).append(anchor)
        title = titles[anchor] = _title(anchor)
        all_links.add(anchor, url, len(title))
        if any_address or pattern.search(url) or is_document_url(url):
            sure.add(anchor, url, len(title))
    found: list[tuple[lxml.html.HtmlElement, ListEntry]] = []
    for url, anchors in links.items():
        known = url in sure.urls
        if not known and options.article_url is not None:
            continue
        # A picture may link to the article, too; the link with the words and the date counts.
        named = [anchor for anchor in anchors if titles[anchor]]
        rows = sure if known else all_links
        dated = ((anchor, rows.date_beside(anchor, url, whole=known)) for anchor in named)
        best = next(((anchor, day) for anchor, day in dated if day), None)
        if best is not None and (known or len(titles[best[0]]) >= _TITLE_CHARACTERS):
            found.append((best[0], ListEntry(url, titles[best[0]], best[1])))
        elif named and known:
            day = date_of_url(url)
            # A list that shows another day shows its own; its year is not known then.
            shown = next(filter(None, (rows.month_day_beside(a, url) for a in named)), None)
            if day is not None and shown is not None and not day.endswith(shown):
                day = None
            found.append((named[0], ListEntry(url, titles[named[0]], day)))
    own = [entry for anchor, entry in found if not _is_aside(anchor)]
    return tuple(own or [entry for _, entry in found])


class _Rows:
    """The elements around links, and which link each of them is the row of."""

    def __init__(self) -> None:
        self.urls: set[str] = set()
        self._lengths: dict[lxml.html.HtmlElement, dict[str, int]] = {}

    def add(self, anchor: lxml.html.HtmlElement, url: str, length: int) -> None:
        self.urls.add(url)
        for around in itertools.islice(anchor.iterancestors(), _CLIMB):
            lengths = self._lengths.setdefault(around, {})
            if len(lengths) <= _ROW_LINKS or url in lengths:  # more tell nothing more
                lengths[url] = max(length, lengths.get(url, 0))

    def _is_row_of(self, around: lxml.html.HtmlElement, url: str) -> bool:
        """Whether no other link shares an element, but for one such as [财政局]."""
        lengths = self._lengths[around]
        if len(lengths) > _ROW_LINKS:
            return False
        others = max((length for other, length in lengths.items() if other != url), default=0)
        return others * 2 <= lengths[url]

    def date_beside(self, anchor: lxml.html.HtmlElement, url: str, *, whole: bool) -> str | None:
        """The date in the row of a link: in the nearest element around it that it has to itself.

        Unless ``whole``, a row is a short one: what lies around a link to anywhere may be a text.
        """
        inside = _date_inside(anchor)
        if inside is not None:
            return date_in(visible_text(inside))
        for around in itertools.islice(anchor.iterancestors(), _CLIMB):
            if not self._is_row_of(around, url):
                return None
            # The title may name a day of its own.
            beside = visible_text(around, without=anchor)
            if not whole and len(beside) > _ROW_CHARACTERS:
                return None
            found = date_in(beside)
            if found:
                return found
        return None

    def month_day_beside(self, anchor: lxml.html.HtmlElement, url: str) -> str | None:
        """The day of a row that leaves out its year, as MM-DD, or None."""
        for around in itertools.islice(anchor.iterancestors(), _CLIMB):
            if not self._is_row_of(around, url):
                return None
            match = _MONTH_DAY.fullmatch(visible_text(around, without=anchor))
            if match:
                return f"{int(match[1]):02d}-{int(match[2]):02d}"
        return None


def _address(page: Page, anchor: lxml.html.HtmlElement) -> str | None:
    """Where a link leads; scripts that open a page or a file are links, too."""
    url = page.absolute(anchor.get("href", ""))
    if url is None:
        script = f"{anchor.get('href', '')} {anchor.get('onclick', '')}"
        opened = _SCRIPTED_LINK.search(script) or SCRIPTED_FILE.search(script)
        url = page.absolute(opened[1]) if opened else None
    return shown_file(url) if url else None


def _is_aside(anchor: lxml.html.HtmlElement) -> bool:
    for around in anchor.iterancestors():
        if around.tag in _ASIDE_TAGS:
            return True
        if _ASIDE.search(f"{around.get('class', '')} {around.get('id', '')}"):
            return around.tag not in {"body", "html"}
    return False


def _title(anchor: lxml.html.HtmlElement) -> str:
    """What an entry is called, without the date that its link may hold."""
    inside = _date_inside(anchor)
    if inside is None or (anchor.get("title") or "").strip():
        return title_of(anchor)
    return visible_text(anchor, without=inside)


def _date_inside(anchor: lxml.html.HtmlElement) -> lxml.html.HtmlElement | None:
    """The date within a link that holds the whole row: an element with nothing else in it."""
    for element in anchor.iterdescendants():
        text = visible_text(element) if isinstance(element.tag, str) else ""
        if 8 <= len(text) <= 24 and date_in(text) and not re.search(r"[一-鿿]{3,}", text):
            return element
    return None
