"""What the replica portals offer, as data: ``portals.yaml`` checked by pydantic.

To offer another document, add its figures under ``figures/`` and an attachment to an article.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from disclosures.model import DocumentKind


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RenderedDisclosure(_Model):
    """A disclosure rendered from ``figures/<figures>.yaml`` in one layout and format."""

    content: Literal["disclosure"]
    figures: str
    layout: str
    format: Literal["pdf", "xlsx", "docx", "html"]


class Paper(_Model):
    """Another paper of an agency, set from ``papers/<paper>.yaml``: a budget or a notice."""

    content: Literal["paper"]
    paper: str


class SavedPage(_Model):
    """The article's own HTML, stored under the name of a PDF: an editor's slip seen in the wild."""

    content: Literal["saved_page"]


class Truncated(_Model):
    """The first ``kept_bytes`` of a disclosure: an upload that broke off."""

    content: Literal["truncated"]
    of: RenderedDisclosure
    kept_bytes: int = Field(gt=0)


class DeadLink(_Model):
    """A link whose file is gone; the portal answers 404."""

    content: Literal["dead_link"]


Content = RenderedDisclosure | Paper | SavedPage | Truncated | DeadLink


class Attachment(_Model):
    """A file of an article. ``kind`` is what a careful reader must find in it."""

    name: str
    kind: DocumentKind
    agency: str | None = None
    year: int | None = None
    of: Content = Field(discriminator="content")

    @property
    def suffix(self) -> str:
        return self.name.rpartition(".")[2]


class Article(_Model):
    """One article. ``gone`` articles stay in the list although their page answers 404."""

    id: int
    title: str
    source: str
    published: AwareDatetime
    text: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    gone: bool = False


class Column(_Model):
    """One column (栏目). ``path`` is a folder in TRS, a column number in hanweb."""

    path: str
    title: str
    per_page: int = Field(gt=0)
    articles: tuple[Article, ...]

    @model_validator(mode="after")
    def _newest_first(self) -> Column:
        dates = [article.published for article in self.articles]
        if dates != sorted(dates, reverse=True):
            raise ValueError(f"column {self.path}: articles are not listed newest first")
        return self

    @property
    def changed(self) -> datetime:
        return max(article.published for article in self.articles)

    @property
    def pages(self) -> tuple[tuple[Article, ...], ...]:
        size = self.per_page
        return tuple(self.articles[i : i + size] for i in range(0, len(self.articles), size))


class Portal(_Model):
    key: str = Field(pattern=r"^[a-z]+$")
    family: Literal["trs", "hanweb"]
    title: str
    columns: tuple[Column, ...]
    disallow: tuple[str, ...]

    @property
    def prefix(self) -> str:
        """Path below which the portal lives on the shared server."""
        return f"/{self.key}"

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Portal:
        ids = [article.id for column in self.columns for article in column.articles]
        if len(ids) != len(set(ids)):
            raise ValueError(f"portal {self.key}: article ids repeat")
        return self


class Offer(_Model):
    crawl_delay_s: float = Field(gt=0)
    portals: tuple[Portal, ...]


@cache
def load_offer() -> Offer:
    """The offer of the bundled portals."""
    text = (files(__package__) / "portals.yaml").read_text(encoding="utf-8")
    return Offer.model_validate(yaml.safe_load(text))


def digits_of(text: str, count: int) -> str:
    """``count`` decimal digits that depend on nothing but ``text`` (file numbers of a CMS)."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    return f"{number % 10**count:0{count}d}"
