"""Platforms that are a JSON interface: provincial 预决算公开平台, configured by their columns."""

from __future__ import annotations

from connectors.families.address import ListRequest
from connectors.families.ajax import list_requests
from connectors.families.base import Family, FamilyOptions, ListPage
from connectors.families.entries import entries_of
from connectors.families.html_lists import list_page, shell_note
from connectors.families.json_lists import json_of, read_json_list, start_of
from connectors.families.page import Page


class JsonPlatform(Family):
    """Lists that come as JSON. ``json_list`` of the column says how they are asked for and where
    their parts stand; without it well-known names are looked for."""

    key = "json"

    def start(self, address: str, options: FamilyOptions) -> str:
        return start_of(address, options.json_list)

    def parse_list(self, address: str, text: str, options: FamilyOptions) -> ListPage:
        data = json_of(text)
        if data is not None:
            return read_json_list(address, data, options)
        page = Page(ListRequest.of(address).url, text)
        entries = entries_of(page, options)
        return list_page(
            page,
            entries,
            list_requests(page),
            note=None if entries else shell_note(page) or "应为 JSON，实为网页",
        )
