"""Reading lists that come as JSON, by declared or by well-known names."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin

import jmespath
from jmespath.exceptions import JMESPathError

from connectors.families.address import ListRequest
from connectors.families.base import FamilyOptions, ListEntry, ListPage
from connectors.families.entries import entries_of
from connectors.families.json_shapes import Answer, JsonList, Paging, shapes
from connectors.families.links import shown_file
from connectors.families.page import Page, date_of, date_of_url
from connectors.families.pager import MAX_PAGES

_JSONP: Final = re.compile(r"\s*[\w.$]+\(\s*(?P<data>[\[{].*[\]}])\s*\)\s*;?\s*", re.DOTALL)
_DEPTH: Final = 6


def start_of(address: str, wanted: JsonList | None) -> str:
    """The first request for a column's list."""
    if wanted is None:
        return ListRequest.of(address).address
    url = urljoin(ListRequest.of(address).url, wanted.url or "")
    query = dict(wanted.query)
    size = _size_of(wanted.paging)
    place = _place_of(wanted.paging)
    if wanted.body is not None:
        request = ListRequest.json(url, wanted.body | place | size)
    elif wanted.form is not None:
        request = ListRequest.form(url, wanted.form | place | size)
    else:
        query |= place | size
        request = ListRequest(url)
    if query:
        asked = ListRequest(request.url).asking(query)
        request = request.at(asked.url)
    return request.address


def _place_of(paging: Paging | None) -> dict[str, Any]:
    return {} if paging is None else {paging.parameter: paging.first}


def _size_of(paging: Paging | None) -> dict[str, Any]:
    if paging is None or paging.size is None or paging.per_page is None:
        return {}
    return {paging.size: paging.per_page}


def json_of(text: str) -> Any | None:
    """The data of a JSON or JSONP answer, or None if the text is neither."""
    stripped = text.lstrip("\ufeff \t\r\n")
    if not stripped.startswith(("{", "[")):
        match = _JSONP.fullmatch(stripped)
        if match is None:
            return None
        stripped = match["data"]
    try:
        return json.loads(stripped, strict=False)
    except (ValueError, RecursionError):
        return None


def read_json_list(address: str, data: Any, options: FamilyOptions) -> ListPage:
    """The entries of an answer and the requests for the pages that follow it."""
    request = ListRequest.of(address)
    known = shapes().known_at(request.url)
    declared = options.json_list
    answer = declared.answer if declared else known.answer if known else Answer()
    paging = (declared.paging if declared else None) or (known.paging if known else None)
    where = Page(request.url, "")
    items = _items(data, answer)
    if items is None:
        markup = _found(answer.html, data)
        if not isinstance(markup, str):
            return ListPage((), note="JSON 应答中未找到列表；须在栏目中写明字段的路径")
        fragment = Page(where.url, f"<div>{markup}</div>")
        entries = entries_of(fragment, options)
        given = len(entries)
    else:
        entries = tuple(dict.fromkeys(_entries(items, answer, where, options)))
        given = len(items)
    total = _number(_found(answer.total, data))
    if total is None and answer.total is None:
        total = _number(_named(data, shapes().names.total, beside=items))
    pages = _number(_found(answer.pages, data))
    if pages is None and answer.pages is None:
        pages = _number(_named(data, shapes().names.pages, beside=items))
    further = tuple(_following(request, paging, given, total, pages))
    return ListPage(entries, further, total)


def _found(path: str | None, data: Any) -> Any:
    """What a path leads to; None where it leads nowhere, or the data is not as it supposes."""
    if path is None:
        return None
    try:
        return jmespath.search(path, data)
    except JMESPathError:
        return None


def _number(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    return int(value) if isinstance(value, str) and value.strip().isdigit() else None


def _items(data: Any, answer: Answer) -> list[Any] | None:
    """The items of a list: where the answer's path says, else the longest list of objects that
    have a title and an address."""
    if answer.items is not None:
        items = _found(answer.items, data)
        return items if isinstance(items, list) else None
    if answer.html is not None:
        return None
    names = shapes().names
    best: list[Any] | None = None
    for candidate in _lists_in(data, _DEPTH):
        first = candidate[0]
        if _first(first, names.title) is not None and (
            answer.url is not None or _first(first, names.url) is not None
        ):
            best = candidate if best is None or len(candidate) > len(best) else best
    return best


def _lists_in(data: Any, depth: int) -> Iterator[list[Any]]:
    if isinstance(data, list):
        if data and all(isinstance(item, dict) for item in data):
            yield data
        inner: Sequence[Any] = data[:1]
    elif isinstance(data, dict):
        inner = list(data.values())
    else:
        return
    if depth:
        for value in inner:
            yield from _lists_in(value, depth - 1)


def _first(item: dict[str, Any], names: Sequence[str]) -> Any:
    return next((item[name] for name in names if item.get(name) not in (None, "")), None)


def _named(data: Any, names: Sequence[str], beside: list[Any] | None) -> Any:
    """A value by well-known names: beside the list that was read, else above it."""
    for holder in _holders(data, beside, _DEPTH):
        found = _first(holder, names)
        if found is not None:
            return found
    return None


def _holders(value: Any, held: list[Any] | None, depth: int) -> list[dict[str, Any]]:
    """The objects that a list lies in, the nearest first."""
    if not isinstance(value, dict) or held is None or not depth:
        return []
    for inner in value.values():
        if inner is held:
            return [value]
        around = _holders(inner, held, depth - 1)
        if around:
            return [*around, value]
    return []


def _entries(
    items: list[Any], answer: Answer, where: Page, options: FamilyOptions
) -> Iterator[ListEntry]:
    names = shapes().names
    pattern = re.compile(options.article_url) if options.article_url else None
    for item in items:
        if not isinstance(item, dict):
            continue
        title = _plain(_found(answer.title, item) if answer.title else _first(item, names.title))
        link = _found(answer.url, item)
        if answer.url is None and answer.files is None:
            link = _first(item, names.url)
        day = date_of(_found(answer.date, item) if answer.date else _first(item, names.date))
        links = [link] if isinstance(link, str) and link.strip() else []
        if not links:  # nothing but files: some platforms have no articles
            files = _found(answer.files, item)
            links = [file for file in files if isinstance(file, str)] if files else []
        for reference in links:
            url = where.absolute(html.unescape(reference))
            url = shown_file(url) if url else None
            if url and title and (pattern is None or pattern.search(url)):
                yield ListEntry(url, title, day or date_of_url(url))


def _plain(value: Any) -> str:
    """A title as text: some interfaces mark words with tags, or escape them."""
    if not isinstance(value, str):
        return ""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"</?\w[^>]*>", "", value))).strip()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a list a request asks: the parameter, its value and what it counts."""

    paging: Paging
    value: int
    size: int | None


def _following(
    request: ListRequest, paging: Paging | None, given: int, total: int | None, pages: int | None
) -> Iterator[str]:
    place = _place(request, paging)
    if place is None or not given:
        return
    size = place.size or given
    step = 1 if place.paging.counts == "pages" else size
    first = place.paging.first
    if pages is None and total is not None:
        # A server may give fewer than it was asked for; what it gave on the first page counts.
        if place.value == first:
            size = min(size, given) if given < total else size
            step = 1 if place.paging.counts == "pages" else size
        pages = -(-total // size)
    if pages is not None:
        if place.value != first:  # the first page has named all
            return
        for number in range(1, min(pages, MAX_PAGES)):
            yield request.asking({place.paging.parameter: first + number * step}).address
    elif place.size is None or given >= place.size:
        yield request.asking({place.paging.parameter: place.value + step}).address


def _place(request: ListRequest, paging: Paging | None) -> _Place | None:
    values = request.values()
    if paging is None:
        names = shapes().names
        page = next((name for name in names.page if name in values), None)
        start = next((name for name in names.start if name in values), None)
        size = next((name for name in names.size if name in values), None)
        if page is None and start is None:
            return None
        first = _number(values[page or start or ""])
        paging = Paging(
            parameter=page or start or "",
            counts="pages" if page else "entries",
            # Pages count from 0 where the first request says so.
            first=0 if page is None else min(first or 0, 1),
            size=size,
        )
    value = _number(values.get(paging.parameter, paging.first))
    size_now = _number(values.get(paging.size)) if paging.size else None
    return None if value is None else _Place(paging, value, size_now or paging.per_page)
