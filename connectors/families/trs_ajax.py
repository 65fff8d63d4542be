"""TRS lists that scripts load: IGS search interfaces and JSON files beside the page."""

from __future__ import annotations

from connectors.families.address import ListRequest
from connectors.families.ajax import list_requests
from connectors.families.base import Family, FamilyOptions, ListPage
from connectors.families.entries import entries_of
from connectors.families.html_lists import list_page
from connectors.families.json_lists import json_of, read_json_list, start_of
from connectors.families.page import Page
from connectors.families.pager import numbered_pages, total_in, trs_pages


class TrsAjax(Family):
    """Pages of TRS whose list a script asks for, and the answers; what stands in the page counts,
    too."""

    key = "trs_ajax"

    def start(self, address: str, options: FamilyOptions) -> str:
        return start_of(address, options.json_list)

    def parse_list(self, address: str, text: str, options: FamilyOptions) -> ListPage:
        data = json_of(text)
        if data is not None:
            return read_json_list(address, data, options)
        page = Page(ListRequest.of(address).url, text)
        entries = entries_of(page, options)
        scripted, total = trs_pages(page, first=1)
        requests = list(list_requests(page))
        further = [*requests, *(numbered_pages(page) or scripted)]
        # The list is elsewhere; what the page says of totals is of one of its teasers.
        total = None if requests else total if total is not None else total_in(page)
        return list_page(page, entries, further, total)
