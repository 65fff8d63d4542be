"""The contract of families, and what a column may say about its pages."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from cssselect import SelectorError
from lxml.cssselect import CSSSelector
from pydantic import BaseModel, ConfigDict, field_validator

from connectors.families.address import canonical
from connectors.families.json_shapes import JsonList


class FamilyOptions(BaseModel):
    """What a column may say about its pages where the family's own rules do not fit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: CSS selector of the part of a list page that holds the entries.
    entries_within: str | None = None
    #: Regular expression that the address of an article must match.
    article_url: str | None = None
    #: CSS selector of the part of an article page that holds its attachments.
    attachments_within: str | None = None
    #: Number of the column, where one page serves all columns (``/gkmlpt/index#1234``).
    column_id: str | None = None
    #: Request and answer of a list that comes as JSON.
    json_list: JsonList | None = None

    @field_validator("entries_within", "attachments_within")
    @classmethod
    def _is_selector(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                CSSSelector(value)
            except SelectorError as error:
                raise ValueError(f"not a CSS selector: {error}") from error
        return value

    @field_validator("article_url")
    @classmethod
    def _is_expression(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from error
        return value


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One entry of a list; ``published_on`` is YYYY-MM-DD as the list says, else as its address."""

    url: str
    title: str
    published_on: str | None


@dataclass(frozen=True, slots=True)
class ListPage:
    """A list page: its entries, the requests for the rest of the list, how many entries the list
    claims to have in all where it says so, and what a person should know of it (Chinese)."""

    entries: tuple[ListEntry, ...]
    further: tuple[str, ...] = ()
    total: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that an article links to. ``file_name`` is for display only."""

    url: str
    text: str
    file_name: str | None


@dataclass(frozen=True, slots=True)
class Article:
    """An article. ``holds_tables``: its own text is a disclosure, with nothing attached.

    ``column``, ``source`` and ``site_id_code`` (网站标识码) are what its meta tags say, which
    国办发〔2017〕47号 asks of every government site.
    """

    title: str | None
    published_on: str | None
    attachments: tuple[Attachment, ...]
    holds_tables: bool = False
    column: str | None = None
    source: str | None = None
    site_id_code: str | None = None


class Family(ABC):
    """How one CMS writes its lists.

    Requests are addresses (:mod:`connectors.families.address`): a URL, for a POST with its body.
    """

    key: ClassVar[str]
    #: One page serves all columns, and the family itself finds those of accounts in it.
    finds_columns: ClassVar[bool] = False

    def start(self, address: str, options: FamilyOptions) -> str:
        """The request from which the list of a column is read."""
        return canonical(address)

    @abstractmethod
    def parse_list(self, address: str, text: str, options: FamilyOptions) -> ListPage:
        """Read the answer to a request; ``further`` are the requests for the rest of the list."""
