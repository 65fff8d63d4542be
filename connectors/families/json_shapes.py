"""How lists that come as JSON are asked for and read: paths and names are data."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

import jmespath
import yaml
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator


def _is_path(value: str) -> str:
    try:
        jmespath.compile(value)
    except JMESPathError as error:
        raise ValueError(f"not a JMESPath: {error}") from error
    return value


_Path = Annotated[str, AfterValidator(_is_path)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(_Model):
    """Where the parts of a list stand in an answer: JMESPath, from the answer for ``items``,
    ``html``, ``total`` and ``pages``, from an item for the rest."""

    #: The items of the list; or ``html``: the list as HTML.
    items: _Path | None = None
    html: _Path | None = None
    title: _Path | None = None
    url: _Path | None = None
    date: _Path | None = None
    #: Files that an item names itself: paths to their addresses.
    files: _Path | None = None
    total: _Path | None = None
    pages: _Path | None = None


class Paging(_Model):
    """The parameter that asks for further pages."""

    parameter: str
    #: What the parameter counts: pages, or the entries before the page.
    counts: Literal["pages", "entries"] = "pages"
    first: int = 1
    #: Parameter and value of the size of a page.
    size: str | None = None
    per_page: int | None = None


class JsonList(_Model):
    """The request for a JSON list and its answer. The column's address is asked for if ``url``
    is not given; ``form`` or ``body`` (JSON) make it a POST."""

    url: str | None = None
    query: dict[str, str | int] = {}
    form: dict[str, str | int] | None = None
    body: dict[str, Any] | None = None
    paging: Paging | None = None
    answer: Answer = Answer()

    @model_validator(mode="after")
    def _has_one_body(self) -> JsonList:
        if self.form is not None and self.body is not None:
            raise ValueError("a request has a form or a JSON body, not both")
        return self


class Known(_Model):
    """A list interface that many portals have."""

    #: Regular expression of its addresses.
    endpoint: re.Pattern[str]
    what: str
    paging: Paging | None = None
    answer: Answer = Answer()


class Names(_Model):
    """What fields are called, in order of preference, by whoever wrote the interface."""

    title: tuple[str, ...]
    url: tuple[str, ...]
    date: tuple[str, ...]
    total: tuple[str, ...]
    pages: tuple[str, ...]
    page: tuple[str, ...]
    start: tuple[str, ...]
    size: tuple[str, ...]


class Shapes(_Model):
    known: dict[str, Known]
    #: Interfaces of page scripts that give lists of articles, beside the known ones.
    list_endpoints: re.Pattern[str]
    names: Names

    def known_at(self, url: str) -> Known | None:
        """The interface that an address belongs to."""
        return next((known for known in self.known.values() if known.endpoint.search(url)), None)


@cache
def shapes() -> Shapes:
    """The interfaces and names of ``json_shapes.yaml``."""
    text = files(__package__).joinpath("json_shapes.yaml").read_text(encoding="utf-8")
    return Shapes.model_validate(yaml.safe_load(text))
