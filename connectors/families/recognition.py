"""Which family a page belongs to, by the signs in ``signs.yaml``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from connectors.families.page import Page


@dataclass(frozen=True, slots=True)
class Recognition:
    """How certain it is (0 to 1) that a page belongs to a family, and why (Chinese)."""

    family: str
    score: float
    reasons: tuple[str, ...]


class Sign(BaseModel):
    """One sign of a family; see ``signs.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    where: Annotated[Literal["url", "links", "text"], Field(alias="in")]
    pattern: re.Pattern[str]
    weight: Annotated[float, Field(gt=0, lt=1)]
    reason: str
    at_least: int = 1

    def stands(self, page: Page) -> bool:
        if self.where == "links":
            return sum(bool(self.pattern.search(link)) for link in page.links) >= self.at_least
        return bool(self.pattern.search(page.url if self.where == "url" else page.text))


@cache
def signs() -> Mapping[str, tuple[Sign, ...]]:
    """The signs by family."""
    text = files(__package__).joinpath("signs.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, tuple[Sign, ...]]).validate_python(yaml.safe_load(text))


def recognise(url: str, text: str) -> tuple[Recognition, ...]:
    """The families that a page may belong to, the likeliest first; ``generic`` is always there."""
    page = Page(url, text)
    found = []
    for family, known in signs().items():
        standing = [sign for sign in known if sign.stands(page)]
        doubt = 1.0
        for sign in standing:
            doubt *= 1 - sign.weight
        if standing:
            reasons = tuple(sign.reason for sign in standing)
            found.append(Recognition(family, round(1 - doubt, 3), reasons))
    return tuple(sorted(found, key=lambda recognition: -recognition.score))
