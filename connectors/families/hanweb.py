"""hanweb (jpage): lists whose records come as XML, the first group within the page and the rest
from ``dataproxy.jsp``."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode, urljoin

from connectors.families.address import ListRequest
from connectors.families.base import Family, FamilyOptions, ListEntry, ListPage
from connectors.families.entries import entries_of
from connectors.families.html_lists import list_page
from connectors.families.page import Page
from connectors.families.pager import labelled_pages, numbered_pages, total_in

_STORE: Final = ("<datastore>", "</datastore>")
_ESCAPED_STORE: Final = ("&lt;datastore&gt;", "&lt;/datastore&gt;")
_NEXT_GROUP: Final = re.compile(r"<nextgroup>(.{0,4000}?)</nextgroup>", re.DOTALL)
_HREF: Final = re.compile(r"""href\s*=\s*["']([^"']+)["']""")
_TOTAL: Final = re.compile(r"<totalrecord>\s*(\d+)\s*</totalrecord>")
_JPAGE: Final = re.compile(r"\.jpage\(\{(.{0,8000}?)\}\s*\)", re.DOTALL)
_PARAM: Final = re.compile(r"var\s+param\s*=\s*\{(.{0,4000}?)\}", re.DOTALL)
_PAIR: Final = re.compile(r"""["']?(\w+)["']?\s*:\s*(?:'([^']*)'|"([^"]*)"|(\d+))""")
_GROUP_RECORDS: Final = 45


class Hanweb(Family):
    """Lists of hanweb's jpage component; also its plain lists, which stand in the page."""

    key = "hanweb"

    def parse_list(self, address: str, text: str, options: FamilyOptions) -> ListPage:
        url = ListRequest.of(address).url
        stores = list(_stores(text))
        if not stores:
            page = Page(url, text)
            loaded = list(_following(url, "", text, 0, _total("", text)))
            rest = loaded or [*_numbered(page), *numbered_pages(page), *labelled_pages(page)]
            total = _total("", text) if loaded else total_in(page)
            return list_page(page, entries_of(page, options), rest, total)
        # What links out of a record is an entry, wherever it leads.
        in_record = options.model_copy(update={"article_url": options.article_url or ""})
        entries: dict[str, ListEntry] = {}
        further: list[str] = []
        totals: list[int] = []
        for store, script in stores:
            records = list(_records(store))
            for record in records:
                for entry in entries_of(Page(url, f"<div>{record}</div>"), in_record):
                    entries[entry.url] = entry
            total = _total(store, script)
            if total is not None:
                totals.append(total)
            further += _following(url, store, script, len(records), total)
        if not entries and not further:  # the list stands in the page, the store is of no use
            return ListPage(entries_of(Page(url, text), options))
        return ListPage(
            tuple(entries.values()),
            tuple(dict.fromkeys(further)),
            sum(totals) if len(totals) == len(stores) else None,
        )


def _stores(text: str) -> Iterator[tuple[str, str]]:
    """Each datastore with the page's script that follows it. Some servers escape the store."""
    escaped = "<datastore>" not in text
    found = list(_between(text, *(_ESCAPED_STORE if escaped else _STORE)))
    ends = [start for start, _ in found[1:]] + [len(text)]
    for (start, store), end in zip(found, ends, strict=False):
        yield html.unescape(store) if escaped else store, text[start + len(store) : end]


def _records(store: str) -> Iterator[str]:
    for _, record in _between(store, "<record>", "</record>"):
        yield record.strip().removeprefix("<![CDATA[").removesuffix("]]>")


def _between(text: str, opening: str, closing: str) -> Iterator[tuple[int, str]]:
    """Where each opening mark ends, and the text from there to the closing mark."""
    start = text.find(opening)
    while start >= 0:
        start += len(opening)
        end = text.find(closing, start)
        if end < 0:
            return
        yield start, text[start:end]
        start = text.find(opening, end)


def _total(store: str, script: str) -> int | None:
    match = _TOTAL.search(store) or re.search(r"\btotalRecord\s*:\s*(\d+)", script)
    return int(match[1]) if match else None


def _following(url: str, store: str, script: str, given: int, total: int | None) -> Iterator[str]:
    """Where the records that this answer does not give come from."""
    call = _JPAGE.search(script)
    if total is not None and call is not None:
        if given >= total:
            return
        # What the page's own script asks for, as a GET, which can be asked for conditionally.
        proxy = re.search(r"proxyUrl\s*:\s*[\"']([^\"']+)[\"']", call[1])
        param = _PARAM.search(script)
        if proxy and param:
            values = {key: a or b or c for key, a, b, c in _PAIR.findall(param[1])}
            per_page = re.search(r"perPage\s*:\s*(\d+)", call[1])
            size = per_page[1] if per_page else str(_GROUP_RECORDS)
            for first in range(given + 1, total + 1, _GROUP_RECORDS):
                last = min(first + _GROUP_RECORDS - 1, total)
                window = {"startrecord": first, "endrecord": last, "perpage": size}
                yield urljoin(url, f"{proxy[1]}?{urlencode(window | values)}")
            return
    group = _NEXT_GROUP.search(store)
    link = _HREF.search(group[1]) if group else None
    if link and given:  # an answer without records ends the list, whatever it links to
        yield urljoin(url, html.unescape(link[1]))


def _numbered(page: Page) -> Iterator[str]:
    """Further pages of lists that newer versions write page by page (``?uid=…&pageNum=2``)."""
    for anchor in page.all("//a[contains(@href, 'pageNum=')]"):
        link = page.absolute(anchor.get("href", ""))
        if link and link != page.url and re.search(r"[?&]pageNum=\d+", link):
            yield link
