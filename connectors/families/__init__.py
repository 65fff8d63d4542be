"""CMS families: how the lists and articles of a kind of portal are read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from connectors.families.address import ListRequest
from connectors.families.articles import parse_article
from connectors.families.base import (
    Article,
    Attachment,
    Family,
    FamilyOptions,
    ListEntry,
    ListPage,
)
from connectors.families.gkmlpt import Gkmlpt
from connectors.families.hanweb import Hanweb
from connectors.families.html_lists import Generic, Nfcms, TrsStatic, Ucap, Vsb
from connectors.families.jpaas import Jpaas
from connectors.families.json_family import JsonPlatform
from connectors.families.links import is_document_url
from connectors.families.page import Page, decode
from connectors.families.recognition import Recognition, recognise
from connectors.families.trs_ajax import TrsAjax

__all__ = [
    "Article",
    "Attachment",
    "Family",
    "FamilyOptions",
    "ListEntry",
    "ListPage",
    "ListRequest",
    "Page",
    "Recognition",
    "decode",
    "families",
    "is_document_url",
    "parse_article",
    "recognise",
]


@cache
def families() -> Mapping[str, Family]:
    """The families by key."""
    known: tuple[Family, ...] = (
        TrsStatic(),
        TrsAjax(),
        Hanweb(),
        Jpaas(),
        Ucap(),
        Gkmlpt(),
        Nfcms(),
        Vsb(),
        JsonPlatform(),
        Generic(),
    )
    return {family.key: family for family in known}
