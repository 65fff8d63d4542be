"""Answers that ask for a browser, a captcha or a login instead of giving the page.

They are recognised (``challenges.yaml``), recorded and left alone: nothing here solves one.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Annotated, Final

import lxml.html
import yaml
from lxml import etree
from pydantic import BaseModel, ConfigDict, PlainValidator

from connectors.families import decode
from connectors.media import PAGES
from disclosures.reading.sniff import MediaType, sniff

#: A challenge is a script around nothing. Bodies beyond these are pages.
CHALLENGE_BYTES: Final = 512 * 1024
_SHOWN_CHARACTERS: Final = 300
_LINKS: Final = 3

_Pattern = Annotated[re.Pattern[str], PlainValidator(lambda text: re.compile(text, re.I))]


class Challenge(BaseModel):
    """One way of asking. All that is given must fit."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    what: str
    statuses: tuple[int, ...] = ()
    header: _Pattern | None = None
    pattern: _Pattern | None = None
    #: Whether the whole host is behind it.
    of_host: bool = True

    def fits(self, status: int, headers: str, text: str) -> bool:
        return (
            (not self.statuses or status in self.statuses)
            and (self.header is None or self.header.search(headers) is not None)
            and (self.pattern is None or self.pattern.search(text) is not None)
        )


@cache
def challenges() -> tuple[Challenge, ...]:
    text = files("connectors").joinpath("challenges.yaml").read_text(encoding="utf-8")
    return tuple(Challenge.model_validate(entry) for entry in yaml.safe_load(text))


def challenge_in(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Challenge | None:
    """The challenge that an answer is, or None if it is an ordinary one."""
    if len(body) > CHALLENGE_BYTES:
        return None
    if sniff(body) not in PAGES | {MediaType.EMPTY}:
        return None
    lines = "\n".join(f"{name}: {value}" for name, value in headers)
    text = decode(body)
    found = next((c for c in challenges() if c.fits(status, lines, text)), None)
    if found is None:
        return None
    told_by_status = found.statuses and status != 200
    return None if not told_by_status and _shows_something(text) else found


def _shows_something(text: str) -> bool:
    """Whether a page has words or links for readers."""
    try:
        root = lxml.html.document_fromstring(text) if text.strip() else None
    except (etree.ParserError, ValueError):
        return False
    if root is None:
        return False
    etree.strip_elements(root, "script", "style", "noscript", with_tail=False)
    links = list(itertools.islice(root.iter("a", "iframe", "embed", "object"), _LINKS))
    shown = re.sub(r"\s+", "", "".join(map(str, root.itertext())))
    return len(links) >= _LINKS or len(shown) > _SHOWN_CHARACTERS
