"""The archive's evidence as WARC/1.1 (ISO 28500): what was asked, what was answered, and how.

Every fetch becomes, for each request on the wire, a ``request`` and a ``response`` record, and a
``metadata`` record with what HTTP does not say: the site and run, where the link stood, TLS, and
what became of the fetch. A body is written once; where it came again there is a ``revisit``, and
so there is for an answer 304.
"""

from __future__ import annotations

import base64
import os
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from connectors.archive import Archive
from connectors.evidence import Hop
from connectors.records import Fetch

_NOT_MODIFIED: Final = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
_IDENTICAL: Final = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
#: Bodies are kept as their content: coding and length of the transfer are no longer theirs.
_OF_THE_TRANSFER: Final = frozenset({"content-encoding", "transfer-encoding", "content-length"})


@dataclass
class WarcSummary:
    """What an export wrote; ``missing`` are bodies that the archive no longer has whole."""

    fetches: int = 0
    records: Counter[str] = field(default_factory=Counter)
    missing: list[str] = field(default_factory=list)


def export_warc(
    archive: Archive,
    out: Path,
    *,
    site: str | None = None,
    since: date | None = None,
    documents: Collection[str] | None = None,
    software: str = "juesuan",
) -> WarcSummary:
    """Write the fetches of a site, since a day (UTC) or of documents (SHA-256) to ``out``,
    a gzipped WARC file that appears when it is complete.

    Raises:
        OSError: the archive cannot be read or ``out`` cannot be written.
    """
    summary = WarcSummary()
    out.parent.mkdir(parents=True, exist_ok=True)
    incoming = out.with_name(f".{out.name}.incoming")
    try:
        with incoming.open("wb") as file:
            writer = _Writer(archive, WARCWriter(file, gzip=True, warc_version="1.1"), summary)
            writer.describe(out.name, software)
            for run_id, fetch in _fetches(archive, site, since, documents):
                writer.write(run_id, fetch)
        os.replace(incoming, out)
    finally:
        incoming.unlink(missing_ok=True)
    return summary


def _fetches(
    archive: Archive, site: str | None, since: date | None, documents: Collection[str] | None
) -> Iterator[tuple[str, Fetch]]:
    for loaded in (True, False):
        for journal in archive.journals(loaded=loaded):
            if site is not None and journal.site != site:
                continue
            for fetch in journal.rows():
                if since is not None and fetch.fetched_at.astimezone(UTC).date() < since:
                    continue
                if documents is None or fetch.sha256 in documents:
                    yield journal.run_id, fetch


class _Writer:
    def __init__(self, archive: Archive, writer: Any, summary: WarcSummary) -> None:
        self._archive = archive
        self._writer = writer
        self._summary = summary
        #: Bodies that are in the file: URL and time of the response that has them.
        self._written: dict[str, tuple[str, str]] = {}

    def describe(self, name: str, software: str) -> None:
        about = {"software": software, "format": "WARC File Format 1.1"}
        self._add(self._writer.create_warcinfo_record(name, about))

    def write(self, run_id: str, fetch: Fetch) -> None:
        self._summary.fetches += 1
        about = None
        for hop in fetch.hops:
            last = hop is fetch.hops[-1]
            record = None
            if hop.status is not None:
                record = self._answer(hop, fetch if last else None)
                self._add(record)
            request = self._request(hop, record)
            self._add(request)
            about = record or request
        self._add(self._metadata(run_id, fetch, about))

    def _answer(self, hop: Hop, fetch: Fetch | None) -> Any:
        """The record of an answer; ``fetch`` where it is the one that counted."""
        sha256 = fetch.sha256 if fetch is not None and fetch.outcome.has_body else None
        common = _warc_headers(hop)
        if sha256 is None:
            # Of redirects, errors and what was refused only the head is kept.
            common["WARC-Truncated"] = "unspecified"
            return self._record("response", hop, common, _head(hop, 0), b"")
        digest = "sha256:" + base64.b32encode(bytes.fromhex(sha256)).decode("ascii")
        common["WARC-Payload-Digest"] = digest
        earlier = self._written.get(sha256)
        if hop.status == 304 or earlier is not None:
            common["WARC-Profile"] = _NOT_MODIFIED if hop.status == 304 else _IDENTICAL
            if earlier is not None:
                common["WARC-Refers-To-Target-URI"], common["WARC-Refers-To-Date"] = earlier
            return self._record("revisit", hop, common, _head(hop, None), b"")
        try:
            body = self._archive.read(sha256)
        except FileNotFoundError:
            self._summary.missing.append(sha256)
            common["WARC-Truncated"] = "unspecified"
            del common["WARC-Payload-Digest"]
            return self._record("response", hop, common, _head(hop, 0), b"")
        self._written[sha256] = (hop.url, common["WARC-Date"])
        return self._record("response", hop, common, _head(hop, len(body)), body)

    def _request(self, hop: Hop, answer: Any) -> Any:
        parts = urlsplit(hop.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = [("Host", parts.netloc), *hop.request_headers]
        head = StatusAndHeaders(
            f"{hop.method} {target} HTTP/1.1", _clean(headers), is_http_request=True
        )
        common = _warc_headers(hop)
        if answer is not None:
            common["WARC-Concurrent-To"] = answer.rec_headers.get_header("WARC-Record-ID")
        return self._record("request", hop, common, head, (hop.request_body or "").encode())

    def _metadata(self, run_id: str, fetch: Fetch, about: Any) -> Any:
        fields: list[tuple[str, object]] = [
            ("via", fetch.found_on),
            ("site", fetch.site),
            ("run", run_id),
            ("role", fetch.role.value),
            ("outcome", fetch.outcome.value),
            ("reason", fetch.reason),
            ("sha256", fetch.sha256),
            ("mediaType", fetch.media_type),
            ("linkText", fetch.link_text),
            ("articleTitle", fetch.article_title),
            ("publishedOn", fetch.published_on),
        ]
        for number, hop in enumerate(fetch.hops, start=1):
            prefix = f"hop{number}-"
            fields += [
                (prefix + "url", hop.url),
                (prefix + "status", hop.status),
                (prefix + "address", hop.address),
                (prefix + "startedAt", hop.started_at.isoformat()),
                (prefix + "finishedAt", hop.finished_at.isoformat()),
                (prefix + "error", hop.error),
            ]
            fields += [(f"{prefix}header-{name}", value) for name, value in hop.response_headers]
            if hop.tls is not None:
                fields += [
                    (prefix + "tls-" + name, getattr(hop.tls, name))
                    for name in hop.tls.__dataclass_fields__
                ]
        text = "".join(
            f"{name}: {' '.join(str(value).split())}\r\n"
            for name, value in fields
            if value is not None
        )
        headers = {"WARC-Date": _warc_date(fetch.fetched_at)}
        if about is not None:
            headers["WARC-Refers-To"] = about.rec_headers.get_header("WARC-Record-ID")
        body = text.encode()
        return self._writer.create_warc_record(
            _target(fetch),
            "metadata",
            payload=BytesIO(body),
            length=len(body),
            warc_content_type="application/warc-fields",
            warc_headers_dict=headers,
        )

    def _record(
        self, kind: str, hop: Hop, common: dict[str, str], head: StatusAndHeaders, body: bytes
    ) -> Any:
        return self._writer.create_warc_record(
            hop.url,
            kind,
            payload=BytesIO(body),
            length=len(body),
            http_headers=head,
            warc_headers_dict=common,
        )

    def _add(self, record: Any) -> None:
        self._writer.write_record(record)
        self._summary.records[record.rec_type] += 1


def _target(fetch: Fetch) -> str:
    # The address of a list that is asked for by POST has a body after a blank.
    return fetch.hops[-1].url if fetch.hops else fetch.url.partition(" ")[0]


def _warc_headers(hop: Hop) -> dict[str, str]:
    headers = {"WARC-Date": _warc_date(hop.started_at)}
    if hop.address is not None:
        headers["WARC-IP-Address"] = hop.address
    return headers


def _warc_date(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _head(hop: Hop, length: int | None) -> StatusAndHeaders:
    """Status line and headers; with ``length`` those of a body that was decoded on its way."""
    headers = [
        (f"X-Archive-Orig-{name}", value)
        if length is not None and name.lower() in _OF_THE_TRANSFER
        else (name, value)
        for name, value in hop.response_headers
    ]
    if length is not None:
        headers.append(("Content-Length", str(length)))
    status = f"{hop.status} {hop.reason_phrase or ''}".strip()
    return StatusAndHeaders(status, _clean(headers), protocol=hop.protocol or "HTTP/1.1")


def _clean(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, " ".join(value.split())) for name, value in headers]
