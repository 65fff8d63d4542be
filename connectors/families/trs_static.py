"""TRS WCM: lists as static pages index.html, index_1.html … that a script pages through."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urljoin, urlsplit

from connectors.families.base import FamilyOptions, ListPage, Page, entries_of

_CALL: Final = re.compile(
    r"createPageHTML\(\s*(?P<total>[\w$]+)\s*,\s*[\w$]+\s*,\s*"
    r"[\"'](?P<name>[^\"'/]+)[\"']\s*,\s*[\"'](?P<suffix>\w+)[\"']"
)
_PAGER_FILE: Final = re.compile(r"(?P<name>[A-Za-z]\w*?)(?:_(?P<number>\d+))?\.(?P<suffix>s?html?)")


class TrsStatic:
    """Lists of TRS and of the systems that write theirs likewise."""

    key = "trs_static"

    def parse_list(self, url: str, text: str, options: FamilyOptions) -> ListPage:
        page = Page(url, text)
        own = page.absolute(url)
        further = [link for link in _pager_links(page) if link != own]
        # Links that stand in the page are how this portal numbers its pages, whatever its
        # script would make of them: on some, page 2 is index_2, on most index_1.
        if not further:
            further = [link for link in _scripted_pages(url, text) if link != own]
        return ListPage(entries_of(page, options), tuple(dict.fromkeys(further)))


def _pager_links(page: Page) -> Iterator[str]:
    """Links to numbered pages beside this one."""
    here = urlsplit(page.url)
    folder, _, name = here.path.rpartition("/")
    match = _PAGER_FILE.fullmatch(name or "index.html")
    if match is None:
        return
    for anchor in page.all("//a[@href]"):
        link = page.absolute(anchor.get("href", ""))
        if link is None:
            continue
        parts = urlsplit(link)
        other_folder, _, other_name = parts.path.rpartition("/")
        other = _PAGER_FILE.fullmatch(other_name)
        if (
            other is not None
            and other["number"] is not None
            and parts.netloc == here.netloc
            and other_folder == folder
            and other["name"] == match["name"]
            and not parts.query
        ):
            yield link


def _scripted_pages(url: str, text: str) -> Iterator[str]:
    """The pages that ``createPageHTML(total, current, name, suffix)`` would link to."""
    for call in _CALL.finditer(text):
        total = _number(call["total"], text[: call.start()])
        if total is None:
            continue
        for number in range(1, total):
            yield urljoin(url, f"{call['name']}_{number}.{call['suffix']}")


def _number(token: str, before: str) -> int | None:
    """The value of a literal or of a variable assigned before the call, or None.

    Some templates compute the total as ``Math.ceil(entries / per_page)``.
    """
    if token.isdigit():
        return int(token)
    assigned = re.findall(
        rf"\b{re.escape(token)}\s*=\s*(?:(\d+)\s*;|Math\.ceil\(\s*(\d+)\s*/\s*(\d+)\s*\))", before
    )
    if not assigned:
        return None
    literal, entries, per_page = assigned[0]
    if literal:
        return int(literal)
    return -(-int(entries) // int(per_page)) if int(per_page) else None
