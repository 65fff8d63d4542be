"""CMS families: how the lists and articles of a kind of portal are read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from connectors.families.base import (
    Article,
    Attachment,
    Family,
    FamilyOptions,
    ListEntry,
    ListPage,
    decode,
    parse_article,
)
from connectors.families.hanweb import Hanweb
from connectors.families.trs_static import TrsStatic

__all__ = [
    "Article",
    "Attachment",
    "Family",
    "FamilyOptions",
    "ListEntry",
    "ListPage",
    "decode",
    "families",
    "parse_article",
]


@cache
def families() -> Mapping[str, Family]:
    """The families by key."""
    known: tuple[Family, ...] = (TrsStatic(), Hanweb())
    return {family.key: family for family in known}
