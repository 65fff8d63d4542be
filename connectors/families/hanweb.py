"""hanweb (jpage): lists whose records come as XML, the first group within the page and the rest
from ``dataproxy.jsp``."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode, urljoin

from connectors.families.base import FamilyOptions, ListEntry, ListPage, Page, entries_of

_STORE: Final = re.compile(r"<datastore>.*?</datastore>", re.DOTALL)
_ESCAPED_STORE: Final = re.compile(r"&lt;datastore&gt;.*?&lt;/datastore&gt;", re.DOTALL)
_RECORD: Final = re.compile(r"<record>\s*(?:<!\[CDATA\[)?(.*?)(?:\]\]>)?\s*</record>", re.DOTALL)
_NEXT_GROUP: Final = re.compile(r"<nextgroup>(.*?)</nextgroup>", re.DOTALL)
_HREF: Final = re.compile(r"""href\s*=\s*["']([^"']+)["']""")
_TOTAL: Final = re.compile(r"<totalrecord>\s*(\d+)\s*</totalrecord>")
_JPAGE: Final = re.compile(r"\.jpage\(\{(.*?)\}\s*\)", re.DOTALL)
_PARAM: Final = re.compile(r"var\s+param\s*=\s*\{(.*?)\}", re.DOTALL)
_PAIR: Final = re.compile(r"""["']?(\w+)["']?\s*:\s*(?:'([^']*)'|"([^"]*)"|(\d+))""")
_GROUP_RECORDS: Final = 45


class Hanweb:
    """Lists of hanweb's jpage component; also its plain lists, which stand in the page."""

    key = "hanweb"

    def parse_list(self, url: str, text: str, options: FamilyOptions) -> ListPage:
        stores = list(_stores(text))
        if not stores:
            page = Page(url, text)
            return ListPage(entries_of(page, options), tuple(dict.fromkeys(_numbered(page))))
        # What links out of a record is an entry, wherever it leads.
        in_record = options.model_copy(update={"article_url": options.article_url or ""})
        entries: dict[str, ListEntry] = {}
        further: list[str] = []
        totals: list[int] = []
        for store, script in stores:
            records = _RECORD.findall(store)
            for record in records:
                for entry in entries_of(Page(url, f"<div>{record}</div>"), in_record):
                    entries[entry.url] = entry
            total = _total(store, script)
            if total is not None:
                totals.append(total)
            further += _following(url, store, script, len(records), total)
        return ListPage(
            tuple(entries.values()),
            tuple(dict.fromkeys(further)),
            sum(totals) if len(totals) == len(stores) else None,
        )


def _stores(text: str) -> Iterator[tuple[str, str]]:
    """Each datastore with the page's script that follows it. Some servers escape the store."""
    pattern = _STORE if _STORE.search(text) else _ESCAPED_STORE
    found = list(pattern.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    for match, end in zip(found, ends, strict=False):
        script = text[match.end() : end]
        store = match[0] if pattern is _STORE else html.unescape(match[0])
        yield store, script


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
