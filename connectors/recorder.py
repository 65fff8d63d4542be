"""What becomes of answers: archived first, then written down in the journal, then told."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

from scrapy.http import Response

from connectors.archive import Journal
from connectors.families import FamilyOptions, ListRequest
from connectors.link_scores import LinkScore
from connectors.orders import CrawlOrder
from connectors.records import Fetch, FetchOutcome, FetchRole, Known
from connectors.scratch import Scratch
from disclosures.reading.sniff import sniff

_KEPT_HEADERS: Final = (
    "Content-Type",
    "Content-Length",
    "Content-Disposition",
    "Content-Encoding",
    "Date",
    "ETag",
    "Last-Modified",
    "Server",
)
_HEADER_CHARACTERS: Final = 500
_TEXT_CHARACTERS: Final = 500


@dataclass(frozen=True, slots=True)
class Aim:
    """Why a request is made, and what its page said of it."""

    role: FetchRole
    url: str
    options: FamilyOptions = field(default_factory=FamilyOptions)
    found_on: str | None = None
    link_text: str | None = None
    article_title: str | None = None
    published_on: str | None = None
    file_name: str | None = None
    conditional: bool = True
    by_way_of_page: bool = False  # found on a page that stood where a file should have been
    #: The name under which the column is registered, from which this comes.
    column: str | None = None
    score: LinkScore | None = None


class Recorder:
    """Turns answers into fetches: archive first, then the journal, then whoever listens."""

    def __init__(self, order: CrawlOrder, journal: Journal, send: Callable[[Fetch], None]) -> None:
        self._order = order
        self._journal = journal
        self._send = send
        #: What grows with the site.
        self.scratch = Scratch()
        #: Documents of this crawl: the first URL that gave each body.
        self.first_urls = self.scratch.table()

    def known(self, aim: Aim) -> Known | None:
        """What the archive still holds of a URL."""
        known = self._order.known.get(aim.url)
        return known if known is not None and known.sha256 in self._order.archive else None

    def record(self, aim: Aim, outcome: FetchOutcome, **details: Any) -> Fetch:
        fields: dict[str, Any] = {
            "site": self._order.site.key,
            "url": aim.url,
            "role": aim.role,
            "outcome": outcome,
            "fetched_at": datetime.now(UTC),
            "found_on": aim.found_on,
            "link_text": aim.link_text,
            "article_title": aim.article_title,
            "published_on": aim.published_on,
            "file_name": aim.file_name,
        } | details
        if aim.score is not None:
            fields |= {"score": aim.score.points, "score_reasons": aim.score.reasons}
        for name in ("link_text", "article_title", "file_name", "reason"):
            if fields.get(name) is not None:
                fields[name] = storable(fields[name])
        fetch = Fetch(**fields)
        if fetch.role is FetchRole.DOCUMENT and fetch.sha256 and fetch.outcome.has_body:
            self.first_urls.put(fetch.sha256, fetch.url)
        self._journal.append(fetch)
        self._send(fetch)
        return fetch

    def answered(self, aim: Aim, response: Response) -> dict[str, Any]:
        """The fields of a fetch that come from an answer."""
        headers = {
            name: text
            for name in _KEPT_HEADERS
            if (text := header_text(response, name)) is not None
        }
        return {
            "final_url": elsewhere(aim, response.url),
            "status": response.status,
            "etag": headers.get("ETag"),
            "last_modified": headers.get("Last-Modified"),
            "headers": headers,
            "hops": tuple(response.meta.get("hops", ())),
        }

    def received(
        self, aim: Aim, response: Response, *, reason: str | None = None, **details: Any
    ) -> Fetch:
        """Keep the body of a 200 and record it."""
        body = response.body
        media_type = details.pop("media_type", None) or sniff(body).value
        sha256, _ = self._order.archive.put(body, media_type)
        known = self._order.known.get(aim.url)
        if known is None:
            outcome = FetchOutcome.NEW
        elif known.sha256 == sha256:
            outcome = FetchOutcome.UNCHANGED
        else:
            outcome = FetchOutcome.CHANGED
        return self.record(
            aim,
            outcome,
            sha256=sha256,
            media_type=media_type,
            size_bytes=len(body),
            reason=reason,
            **self.answered(aim, response),
            **details,
        )

    def unchanged(
        self,
        aim: Aim,
        response: Response,
        known: Known,
        *,
        reason: str | None = None,
        **details: Any,
    ) -> Fetch:
        """Record a 304: the archived body stands."""
        answered = self.answered(aim, response)
        # A 304 may leave out what the 200 said; the next night needs it again.
        answered["etag"] = answered["etag"] or known.etag
        answered["last_modified"] = answered["last_modified"] or known.last_modified
        archive = self._order.archive
        return self.record(
            aim,
            FetchOutcome.UNCHANGED,
            sha256=known.sha256,
            media_type=known.media_type or sniff(archive.read(known.sha256)).value,
            size_bytes=archive.size(known.sha256),
            reason=reason,
            **answered,
            **details,
        )


def header_text(response: Response, name: str) -> str | None:
    value: bytes | None = response.headers.get(name)
    if value is None:
        return None
    for encoding in ("utf-8", "gb18030"):
        try:
            return value.decode(encoding)[:_HEADER_CHARACTERS]
        except UnicodeDecodeError:
            continue
    return value.decode("latin-1")[:_HEADER_CHARACTERS]


def offered_name(response: Response) -> str | None:
    """The file name of ``Content-Disposition`` (RFC 6266) without folders, for display only."""
    name = _disposition(response)
    return re.split(r"[/\\]", name)[-1].strip() or None if name else None


def _disposition(response: Response) -> str | None:
    text = header_text(response, "Content-Disposition") or ""
    extended = re.search(r"filename\*\s*=\s*([\w-]+)'[^']*'([^;]+)", text)
    if extended:
        try:
            return unquote(extended[2].strip(' "'), encoding=extended[1], errors="strict") or None
        except (LookupError, UnicodeDecodeError):
            pass
    plain = re.search(r'filename\s*=\s*(?:"([^"]*)"|([^;]+))', text)
    return unquote((plain[1] or plain[2] or "").strip()) or None if plain else None


def storable(text: str) -> str:
    """Crawled text that every database takes: no NUL, no half of a surrogate pair, no novel."""
    clean = text.replace("\0", "").encode("utf-8", "replace").decode()
    return clean if len(clean) <= _TEXT_CHARACTERS else clean[: _TEXT_CHARACTERS - 1] + "…"


def told(*texts: str | None) -> tuple[str | None, ...]:
    """What a link says, as its row keeps it."""
    return tuple(None if text is None else storable(text) for text in texts)


def elsewhere(aim: Aim, url: str) -> str | None:
    """Where redirects led, or None if there were none."""
    return url if url != ListRequest.of(aim.url).url else None
