"""Scrapy's download handler, with evidence: the one place that sees every request and answer as
they were on the wire. It notes them in ``request.meta["hops"]``, a list that redirects and
repetitions of a request share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _LenientHTTPClientParser,
)
from scrapy.crawler import Crawler
from scrapy.http import Request, Response

from connectors.evidence import (
    Hop,
    facts_from_header,
    facts_to_header,
    now,
    text_headers,
    tls_facts,
)
from connectors.failures import HeaderFloodError

#: Of one answer.
HEADER_BYTES: Final = 64 * 1024
#: Carries the facts of the connection from Twisted's response, the only object that both sides
#: see, to the handler, which takes it away. Whatever a server sends under this name is dropped.
_FACTS: Final = b"X-Juesuan-Connection"


class _Parser(_LenientHTTPClientParser):
    """Headers that do not end would fill the memory, where no limit on bodies looks."""

    header_bytes = 0

    def lineReceived(self, line: bytes) -> None:
        self.header_bytes += len(line)
        if self.header_bytes > HEADER_BYTES:
            raise HeaderFloodError(f"应答头超过 {HEADER_BYTES} 字节")
        super().lineReceived(line)


class _Protocol(_LenientHTTP11ClientProtocol):
    verified = True

    def request(self, request: Any) -> Any:
        transport: Any = self.transport
        answer = super().request(request)
        self._parser.__class__ = _Parser

        def note(response: Any) -> Any:
            tls = None
            handle = getattr(transport, "getHandle", lambda: None)()
            if hasattr(handle, "get_protocol_version_name"):
                tls = tls_facts(handle, verified=self.verified)
            phrase = (response.phrase or b"").decode("latin-1")
            address = transport.getPeer().host
            facts = facts_to_header(tls, address, phrase)
            response.headers.setRawHeaders(_FACTS, [facts])
            return response

        return answer.addCallback(note)


class _UnverifiedProtocol(_Protocol):
    verified = False


class _Factory(_LenientHTTP11ClientFactory):
    protocol_class: type[_Protocol] = _Protocol

    def buildProtocol(self, addr: Any) -> Any:
        return self.protocol_class(self._quiescentCallback)


class _UnverifiedFactory(_Factory):
    protocol_class = _UnverifiedProtocol


class EvidenceHandler(HTTP11DownloadHandler):
    """HTTP/1.1 over TCP and TLS; every request leaves a :class:`connectors.evidence.Hop`."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        verifies = crawler.settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES")
        self._pool._factory = _Factory if verifies else _UnverifiedFactory

    async def download_request(self, request: Request) -> Response:
        hops: list[Hop] = request.meta.setdefault("hops", [])
        hop = Hop(
            request.url,
            started_at := now(),
            started_at,
            method=request.method,
            request_headers=text_headers(request.headers),
            request_body=request.body.decode("utf-8", "replace") or None,
        )
        try:
            response = await super().download_request(request)
        except BaseException as error:
            failure = f"{type(error).__name__}: {error}"[:500]
            hops.append(replace(hop, finished_at=now(), error=failure))
            raise
        tls, address, phrase = None, None, None
        header = response.headers.pop(_FACTS, None)
        if header:
            tls, address, phrase = facts_from_header(header[-1])
        hops.append(
            replace(
                hop,
                finished_at=now(),
                status=response.status,
                reason_phrase=phrase,
                protocol=response.protocol,
                response_headers=text_headers(response.headers),
                address=address,
                tls=tls,
            )
        )
        return response
