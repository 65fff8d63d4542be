"""What proves a fetch: every request that it took, with its times, headers, the address connected
to and the facts of TLS.

:class:`Hop` is kept in the journal and exported as WARC; :mod:`connectors.wire` notes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

Headers = tuple[tuple[str, str], ...]

#: Kept of the headers of one message, in characters: a flood of headers is no evidence.
_HEADERS_CHARACTERS: Final = 16_384


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """The TLS connection of a request. Times are ISO 8601 in UTC; ``verified`` says whether the
    certificate was checked (a site's quirk ``verify_tls`` switches that off, with a reason)."""

    protocol: str
    cipher: str
    subject: str
    issuer: str
    not_before: str
    not_after: str
    fingerprint_sha256: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Hop:
    """One request on the wire and its answer, or the error that came instead of one."""

    url: str
    started_at: datetime
    finished_at: datetime
    method: str = "GET"
    request_headers: Headers = ()
    request_body: str | None = None
    status: int | None = None
    reason_phrase: str | None = None
    protocol: str | None = None
    response_headers: Headers = ()
    address: str | None = None
    error: str | None = None
    tls: TlsFacts | None = None

    def to_row(self) -> dict[str, Any]:
        """As JSON values, without what is not there."""
        row: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None or value == ():
                continue
            if isinstance(value, datetime):
                value = value.isoformat()
            elif isinstance(value, TlsFacts):
                value = {name.name: getattr(value, name.name) for name in fields(value)}
            row[field.name] = value
        return row

    def summary(self) -> dict[str, Any]:
        """For the warehouse: who was asked and what the answer was, without headers."""
        row = self.to_row()
        for name in ("method", "request_headers", "response_headers", "reason_phrase"):
            row.pop(name, None)
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Hop:
        """Raises:
        KeyError, TypeError, ValueError: the row is not that of a hop.
        """
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in row.items() if name in known}
        for name in ("started_at", "finished_at"):
            values[name] = datetime.fromisoformat(values[name])
        for name in ("request_headers", "response_headers"):
            values[name] = tuple((key, value) for key, value in values.get(name, ()))
        if values.get("tls") is not None:
            facts = {field.name for field in fields(TlsFacts)}
            values["tls"] = TlsFacts(**{k: v for k, v in values["tls"].items() if k in facts})
        return cls(**values)


def text_headers(headers: Mapping[bytes, Iterable[bytes]]) -> Headers:
    """Headers as text, in their order; what is beyond the cap is left out and said so."""
    kept: list[tuple[str, str]] = []
    room = _HEADERS_CHARACTERS
    for name, values in headers.items():
        for value in values:
            pair = _text(name), _text(value)
            room -= len(pair[0]) + len(pair[1])
            if room < 0:
                kept.append(("X-Juesuan-Truncated", "headers beyond this one were left out"))
                return tuple(kept)
            kept.append(pair)
    return tuple(kept)


def _text(value: bytes) -> str:
    # A header that is no UTF-8 keeps its bytes as Latin-1, which loses none.
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return text.replace("\0", "")


def tls_facts(connection: Any, *, verified: bool) -> TlsFacts | None:
    """Facts of an OpenSSL connection that has shaken hands; None without a certificate."""
    certificate = connection.get_peer_certificate(as_cryptography=True)
    if certificate is None:
        return None
    from cryptography.hazmat.primitives.hashes import SHA256

    return TlsFacts(
        protocol=connection.get_protocol_version_name(),
        cipher=connection.get_cipher_name() or "",
        subject=_name(certificate, "subject"),
        issuer=_name(certificate, "issuer"),
        not_before=certificate.not_valid_before_utc.isoformat(),
        not_after=certificate.not_valid_after_utc.isoformat(),
        fingerprint_sha256=certificate.fingerprint(SHA256()).hex(),
        verified=verified,
    )


def _name(certificate: Any, which: str) -> str:
    try:
        return str(getattr(certificate, which).rfc4514_string())
    except ValueError:  # a certificate may hold what no standard allows
        return ""


def now() -> datetime:
    return datetime.now(UTC)


def facts_to_header(tls: TlsFacts | None, address: str, phrase: str) -> bytes:
    """Facts of a connection on their way from the protocol to the handler."""
    facts = None if tls is None else {field.name: getattr(tls, field.name) for field in fields(tls)}
    return json.dumps({"tls": facts, "address": address, "phrase": phrase}).encode("ascii")


def facts_from_header(header: bytes) -> tuple[TlsFacts | None, str, str]:
    row = json.loads(header)
    return (TlsFacts(**row["tls"]) if row["tls"] else None), row["address"], row["phrase"]
