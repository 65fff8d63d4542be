"""Requests for list pages by one string each.

Journal, warehouse and conditional requests know a page by its URL. A list that is asked for by
POST has one URL for all its pages, so its body stands in the fragment, which no server is ever
sent: the address names the page everywhere, and the request can be made again from it alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urldefrag, urlencode, urlsplit, urlunsplit

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
_MARK: Final = "!POST:"
_KINDS: Final = {"form": FORM, "json": JSON}


@dataclass(frozen=True, slots=True)
class ListRequest:
    """How a list page is asked for: GET, or POST with a body and its content type."""

    url: str
    body: str | None = None
    content_type: str | None = None

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"

    @property
    def address(self) -> str:
        """The request as one string."""
        url = urldefrag(self.url).url
        if self.body is None:
            return url
        kind = next(kind for kind, type_ in _KINDS.items() if type_ == self.content_type)
        return f"{url}#{_MARK}{kind}:{quote(self.body, safe='=&{}[]:,/+')}"

    @classmethod
    def of(cls, address: str) -> ListRequest:
        """The request that an address stands for; an ordinary fragment is dropped."""
        url, fragment = urldefrag(address)
        kind, colon, body = fragment.removeprefix(_MARK).partition(":")
        if fragment.startswith(_MARK) and colon and kind in _KINDS:
            return cls(url, unquote(body), _KINDS[kind])
        return cls(url)

    @classmethod
    def form(cls, url: str, values: Mapping[str, object]) -> ListRequest:
        return cls(url, urlencode({name: str(value) for name, value in values.items()}), FORM)

    @classmethod
    def json(cls, url: str, values: Mapping[str, object]) -> ListRequest:
        return cls(url, json.dumps(values, ensure_ascii=False, separators=(",", ":")), JSON)

    def at(self, url: str) -> ListRequest:
        """The same request at another URL: where a redirect led."""
        return ListRequest(urldefrag(url).url, self.body, self.content_type)

    def values(self) -> dict[str, object]:
        """What is asked for: the fields of the form, of the JSON object or of the query."""
        if self.content_type == JSON and self.body is not None:
            found = json.loads(self.body)
            return dict(found) if isinstance(found, dict) else {}
        return dict(self._pairs())

    def _pairs(self) -> list[tuple[str, str]]:
        text = urlsplit(self.url).query if self.body is None else self.body
        return parse_qsl(text, keep_blank_values=True)

    def asking(self, changes: Mapping[str, object]) -> ListRequest:
        """The same request with some values changed or added."""
        if self.content_type == JSON:
            return self.json(self.url, self.values() | dict(changes))
        texts = {name: str(value) for name, value in changes.items()}
        pairs = [(name, texts.pop(name, value)) for name, value in self._pairs()]
        encoded = urlencode([*pairs, *texts.items()])
        if self.body is not None:
            return ListRequest(self.url, encoded, FORM)
        return ListRequest(urlunsplit(urlsplit(self.url)._replace(query=encoded)))


def canonical(address: str) -> str:
    """An address without a fragment that says nothing to the server."""
    return ListRequest.of(address).address
