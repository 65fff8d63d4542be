"""政府信息公开目录平台 of Guangdong (gkmlpt): one page for all columns, lists as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from connectors.families.address import ListRequest
from connectors.families.base import Family, FamilyOptions, ListPage
from connectors.families.entries import entries_of
from connectors.families.html_lists import list_page
from connectors.families.json_lists import json_of, read_json_list
from connectors.families.page import Page

_SID: Final = re.compile(r"\bSID\b[\"']?\s*[:=]\s*[\"']?(\d+)")
_TREE: Final = re.compile(r"\bTREE\b[\"']?\s*[:=]\s*(?=\[)")
#: Names of the columns that are read where none is given; the first that any column bears.
_WANTED: Final = (re.compile("决算"), re.compile("预决算|财政信息|财政资金|预算"))
_DEPTH: Final = 8


class Gkmlpt(Family):
    """``/gkmlpt/index#1234`` and the interface behind it, ``/gkmlpt/api/all/1234?page=1&sid=…``.

    A column is registered by the address of the interface, or by the page and ``column_id``;
    without a number the columns of the page's tree that are called 决算 are read.
    """

    key = "gkmlpt"
    finds_columns = True

    def parse_list(self, address: str, text: str, options: FamilyOptions) -> ListPage:
        request = ListRequest.of(address)
        data = json_of(text)
        if data is not None:
            return read_json_list(address, data, options)
        page = Page(request.url, text)
        entries = entries_of(page, options)
        sid = _SID.search(page.text)
        columns = [options.column_id] if options.column_id else _columns(page.text)
        if sid is None or not columns:
            missing = "站点编号 SID" if sid is None else "栏目编号（column_id）"
            return list_page(page, entries, (), note=None if entries else f"公开目录页缺{missing}")
        root = urlsplit(request.url).path.partition("/gkmlpt")[0]
        further = (
            ListRequest(urljoin(request.url, f"{root}/gkmlpt/api/all/{column}"))
            .asking({"page": 1, "sid": sid[1]})
            .address
            for column in columns
        )
        return list_page(page, (), further)


def _columns(text: str) -> list[str]:
    """Numbers of the columns for accounts in the tree of columns that the page's script holds."""
    start = _TREE.search(text)
    if start is None:
        return []
    try:
        tree, _ = json.JSONDecoder(strict=False).raw_decode(text, start.end())
    except (ValueError, RecursionError):
        return []
    for wanted in _WANTED:
        found = list(dict.fromkeys(_named(tree, wanted, _DEPTH)))
        if found:
            return found
    return []


def _named(nodes: Any, wanted: re.Pattern[str], depth: int) -> Iterator[str]:
    """Numbers of the nodes with a name; a node stands for what is below it."""
    if not isinstance(nodes, list) or not depth:
        return
    for node in nodes:
        if not isinstance(node, dict) or node.get("jump_url"):
            continue
        if wanted.search(str(node.get("name", ""))) and str(node.get("id", "")).isdigit():
            yield str(node["id"])
        else:
            yield from _named(node.get("children"), wanted, depth - 1)
