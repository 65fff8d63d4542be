"""Families whose lists stand in HTML pages; they differ in how further pages are named."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from connectors.families.address import ListRequest
from connectors.families.base import Family, FamilyOptions, ListEntry, ListPage
from connectors.families.entries import entries_of
from connectors.families.page import Page
from connectors.families.pager import (
    labelled_pages,
    numbered_pages,
    scripted_pager,
    second_page,
    total_in,
    trs_pages,
    ucap_pages,
)

_META_REFRESH: Final = re.compile(r"(?i)^\s*\d+\s*;\s*url\s*=\s*['\"]?\s*([^'\"\s]+)")
_LOCATION: Final = re.compile(r"(?:window|document|self|top)?\.?location(?:\.href)?\s*=(?!=)")


def list_page(
    page: Page,
    entries: tuple[ListEntry, ...],
    further: Iterable[str],
    total: int | None = None,
    note: str | None = None,
) -> ListPage:
    """A list page without itself among its further pages."""
    own = {page.url, page.absolute(page.url)}
    links = tuple(dict.fromkeys(link for link in further if link not in own))
    if note is None and not links:
        note = scripted_pager(page) if entries else shell_note(page)
    return ListPage(entries, links, total, note)


class TrsStatic(Family):
    """TRS WCM: static pages index.html, index_1.html … that a script pages through."""

    key = "trs_static"
    #: Number in the name of the second page.
    second_page = 1

    def parse_list(self, address: str, text: str, options: FamilyOptions) -> ListPage:
        page = Page(ListRequest.of(address).url, text)
        linked = numbered_pages(page)
        # Links that stand in the page are how this portal numbers its pages, whatever its
        # script would make of them: on some, page 2 is index_2, on most index_1. The script
        # knows how many there are; a pager links to the first ones only.
        second = second_page(page) if linked else self.second_page
        scripted, total = trs_pages(page, first=second or self.second_page)
        further = [*linked, *scripted] if second is not None else linked
        if total is None:
            total = total_in(page)
        return list_page(page, entries_of(page, options), further, total)


class Nfcms(TrsStatic):
    """南方网 NFCMS of Guangdong: articles post_123.html; the second page is index_2."""

    key = "nfcms"
    second_page = 2


class Ucap(Family):
    """开普 UCAP: static pages list.shtml, list_2.shtml …; the script also gives the total."""

    key = "ucap"

    def parse_list(self, address: str, text: str, options: FamilyOptions) -> ListPage:
        page = Page(ListRequest.of(address).url, text)
        scripted, total = ucap_pages(page)
        further = scripted or numbered_pages(page) or labelled_pages(page)
        entries = entries_of(page, options)
        return list_page(page, entries, further, total_in(page) if total is None else total)


class Vsb(Family):
    """博达 VSB: articles /info/1234/5678.htm; of n pages the first is list.htm, the second
    list/<n-1>.htm, the last list/1.htm."""

    key = "vsb"

    def parse_list(self, address: str, text: str, options: FamilyOptions) -> ListPage:
        page = Page(ListRequest.of(address).url, text)
        entries = entries_of(page, options)
        return list_page(page, entries, labelled_pages(page), total_in(page))


class Generic(Family):
    """Whatever is left: links with a date beside them, or that look like articles; further pages
    by any of the ways that are known."""

    key = "generic"

    def parse_list(self, address: str, text: str, options: FamilyOptions) -> ListPage:
        page = Page(ListRequest.of(address).url, text)
        entries = entries_of(page, options)
        ucap, ucap_total = ucap_pages(page)
        trs, trs_total = trs_pages(page, first=1)
        total = next((found for found in (ucap_total, trs_total, total_in(page)) if found), None)
        linked = labelled_pages(page)
        further = list(dict.fromkeys([*numbered_pages(page), *linked])) or ucap or trs
        return list_page(page, entries, further, total)


def shell_note(page: Page) -> str | None:
    """What a page without entries is, where it only leads elsewhere (Chinese)."""
    for element in page.all("//meta[@http-equiv][@content]"):
        refresh = _META_REFRESH.match(element.get("content", ""))
        if element.get("http-equiv", "").lower() == "refresh" and refresh:
            target = page.absolute(refresh[1])
            return f"跳转页，转向 {target}" if target and target != page.url else None
    if not page.links and _LOCATION.search(page.scripts):
        hosts = {
            urlsplit(link).hostname
            for element in page.all("//*[@data-from or @data-href or @data-url]")
            for name in ("data-from", "data-href", "data-url")
            if (link := page.absolute(element.get(name, "")))
        }
        targets = f"，备有 {len(hosts)} 个目标网站" if hosts else ""
        return f"跳转页，由脚本按网址参数转向{targets}，本身没有列表"
    return None
