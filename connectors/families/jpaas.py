"""JPAAS (hanweb's later platform): units of a page that scripts load as HTML within JSON."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from connectors.families.address import ListRequest
from connectors.families.base import Family, FamilyOptions, ListPage
from connectors.families.entries import entries_of
from connectors.families.html_lists import list_page
from connectors.families.json_lists import json_of
from connectors.families.links import is_document_url
from connectors.families.page import Page
from connectors.families.pager import MAX_PAGES

_UNIT_PATH: Final = "jpaas-publish-server/front/page/build/unit"
#: Units that are not the list: trees of columns, search boxes, the path to the page.
_NO_LIST: Final = re.compile(r"子栏目|栏目树|导航|检索|搜索|位置|面包屑|轮播|友情|标题$|菜单")
_RENDER: Final = re.compile(
    r"doLayPageRender\(\s*['\"][^'\"]*['\"]\s*,\s*(?P<query>\{.{0,2000}?\})\s*,\s*"
    r"(?P<state>\{.{0,500}?\})",
    re.DOTALL,
)


class Jpaas(Family):
    """Pages whose lists ``unitbuild.js`` loads from ``page/build/unit``, and the answers."""

    key = "jpaas"

    def parse_list(self, address: str, text: str, options: FamilyOptions) -> ListPage:
        request = ListRequest.of(address)
        data = json_of(text)
        if data is not None:
            return _unit(request, data, options)
        page = Page(request.url, text)
        units = list(_units(page))
        further = [link for tag, link in units if not _NO_LIST.search(tag)] or [
            link for _, link in units
        ]
        entries = entries_of(page, options)
        total = None
        for call in _RENDER.finditer(page.scripts):
            query, state = _values(call["query"]), _values(call["state"])
            endpoint = page.absolute(str(query.pop("unitUrl", "")))
            count = _number(state, "count")
            if endpoint and count and not _NO_LIST.search(str(query.get("tagId", ""))):
                total = max(total or 0, count)
                further += _pages(ListRequest(endpoint).asking(query), state)
        if further:
            # A document within the page belongs to the texts around its units.
            entries = tuple(entry for entry in entries if not is_document_url(entry.url))
        return list_page(page, entries, further, total)


def _unit(request: ListRequest, data: Any, options: FamilyOptions) -> ListPage:
    inner = data.get("data") if isinstance(data, dict) else None
    markup = inner.get("html") if isinstance(inner, dict) else None
    if not isinstance(markup, str):
        return ListPage((), note="JPAAS 单元没有内容")
    page = Page(request.url, f"<div>{markup}</div>")
    entries = entries_of(page, options)
    state = _state(page)
    return ListPage(entries, tuple(_pages(request, state)), _number(state, "count"))


def _units(page: Page) -> Iterator[tuple[str, str]]:
    """Tag and request of each unit that the page's scripts load at once."""
    for element in page.all("//script[@querydata][@url]"):
        values = _values(element.get("querydata", ""))
        endpoint = page.absolute(element.get("url", ""))
        if endpoint and _UNIT_PATH in endpoint and values:
            yield str(values.get("tagId", "")), ListRequest(endpoint).asking(values).address


def _state(page: Page) -> dict[str, Any]:
    """Where in its list a unit stands: rows a page, count of entries, number of the page."""
    found: dict[str, Any] = {}
    for element in page.all("//*[@querydata]"):
        values = _values(element.get("querydata", ""))
        if "count" in values:
            found = values
    for call in _RENDER.finditer(page.scripts):
        found = found or _values(call["state"])
    return found


def _pages(request: ListRequest, state: dict[str, Any]) -> Iterator[str]:
    """The pages that follow the first one."""
    rows, count = _number(state, "rows") or _number(state, "pageSize"), _number(state, "count")
    if not rows or not count or "paramJson" in dict(parse_qsl(urlsplit(request.url).query)):
        return
    for number in range(2, min(-(-count // rows), MAX_PAGES) + 1):
        window = json.dumps({"pageNo": number, "pageSize": rows}, separators=(",", ":"))
        yield request.asking({"paramJson": window}).address


def _values(text: str) -> dict[str, Any]:
    """The values of an object in a page: JSON, or the looser form of scripts."""
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        if isinstance(found, dict):
            return {str(key): value for key, value in found.items() if value is not None}
    pairs = re.findall(r"""["']?(\w+)["']?\s*:\s*(?:"([^"]*)"|'([^']*)'|(\d+))""", text)
    return {name: double or single or number for name, double, single, number in pairs}


def _number(values: dict[str, Any], name: str) -> int | None:
    value = str(values.get(name, "")).strip()
    return int(value) if value.isdigit() else None
