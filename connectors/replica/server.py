"""Serves the replica portals on the loopback, with the conditional answers of a web server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.replica.content import Store
from connectors.replica.offer import Attachment, load_offer
from connectors.replica.pages import Link, Resource, Site
from disclosures.model import DocumentKind

_HOST: Final = "127.0.0.1"
_START_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Served:
    """One request that the portal answered. ``body_bytes`` is 0 for 304 and HEAD."""

    method: str
    path: str
    status: int
    body_bytes: int


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """One attachment as offered; ``kind`` is what a careful reader finds in it."""

    portal: str
    url: str
    name: str
    kind: DocumentKind
    agency: str | None
    year: int | None
    content: str
    article_url: str
    article_title: str
    published: datetime


@dataclass(frozen=True, slots=True)
class OfferedDisclosure:
    """A disclosure that a complete night ends with, and the files that carry it."""

    portal: str
    agency: str
    year: int
    files: tuple[OfferedFile, ...]


class ReplicaPortal:
    """A running server. ``requests`` grows with every answer; clear it between nights."""

    def __init__(self, site: Site, base_url: str, requests: list[Served]) -> None:
        self.base_url = base_url
        self.requests = requests
        self._site = site

    def documents(self) -> tuple[OfferedFile, ...]:
        """Every attachment of every article, dead links included."""
        return tuple(self._file(link) for link in self._site.links)

    def disclosures(self) -> tuple[OfferedDisclosure, ...]:
        """The disclosures whose files can be read, by portal, agency and year."""
        grouped: dict[tuple[str, str, int], list[OfferedFile]] = {}
        for file in self.documents():
            if file.kind is DocumentKind.FINAL_ACCOUNTS and file.agency and file.year:
                grouped.setdefault((file.portal, file.agency, file.year), []).append(file)
        return tuple(OfferedDisclosure(*key, tuple(files)) for key, files in grouped.items())

    def _file(self, link: Link) -> OfferedFile:
        attachment: Attachment = link.attachment
        return OfferedFile(
            portal=link.portal.key,
            url=self.base_url + link.path,
            name=attachment.name,
            kind=attachment.kind,
            agency=attachment.agency,
            year=attachment.year,
            content=attachment.of.content,
            article_url=self.base_url + link.article_path,
            article_title=link.article.title,
            published=link.article.published,
        )


def build_site(cache: Path) -> Site:
    """Render everything that is offered; ``cache`` keeps the files for the next start."""
    store = Store(cache)
    return Site(load_offer(), store.body_of)


def is_unchanged(resource: Resource, request: Request) -> bool:
    """Whether the client's copy is current: If-None-Match, else If-Modified-Since (RFC 9110)."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        known = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return resource.etag in known or "*" in known
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except ValueError:
        return False
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return resource.changed.replace(microsecond=0) <= moment


def build_app(site: Site, record: Callable[[Served], None]) -> Starlette:
    """The ASGI application over a site; ``record`` is told of every answer."""

    async def answer(request: Request) -> Response:
        form = (await request.body()).decode("utf-8", "replace") if request.method == "POST" else ""
        query = request.url.query
        resource = site.find(request.url.path, query, form)
        response = _respond(resource, request)
        sent = 0 if request.method == "HEAD" else len(response.body)
        path = request.url.path + (f"?{query}" if query else "")
        record(Served(request.method, path, response.status_code, sent))
        return response

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "HEAD", "POST"])])


def _respond(resource: Resource | None, request: Request) -> Response:
    if resource is None:
        return Response(
            "<!DOCTYPE html><html lang='zh-CN'><title>404</title><p>页面不存在。</p></html>",
            status_code=404,
            media_type="text/html",
        )
    headers = dict(resource.headers)
    # A POST of dataproxy.jsp is not conditional, and its answer is not a representation to keep.
    if request.method != "POST":
        headers["ETag"] = resource.etag
        headers["Last-Modified"] = format_datetime(resource.changed.astimezone(UTC), usegmt=True)
        if is_unchanged(resource, request):
            return Response(status_code=304, headers=headers)
    headers["Content-Type"] = resource.media_type
    return Response(resource.body, headers=headers)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, port))
        # Listening from the start: a taken port is refused before anything is rendered, and
        # who comes early waits instead of being turned away.
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _configure(site: Site, record: Callable[[Served], None]) -> uvicorn.Config:
    return uvicorn.Config(
        build_app(site, record),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
        server_header=False,
    )


@contextmanager
def serve(cache: Path, port: int = 0) -> Iterator[ReplicaPortal]:
    """Serve the portals from a thread of this process until the context ends.

    ``port`` 0 takes a free one. ``cache`` is a folder for the rendered files.

    Raises:
        OSError: the port is taken.
        RuntimeError: the server did not start in time.
    """
    listener = _listen(port)
    try:
        requests: list[Served] = []
        site = build_site(cache)
        server = uvicorn.Server(_configure(site, requests.append))
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="replica-portal", daemon=True
        )
        thread.start()
        started = threading.Event()
        waited_s = 0.0
        while not server.started and thread.is_alive() and waited_s < _START_TIMEOUT_S:
            started.wait(0.02)
            waited_s += 0.02
        if not server.started:
            server.should_exit = True
            raise RuntimeError("the replica portal did not start")
        try:
            yield ReplicaPortal(site, f"http://{_HOST}:{listener.getsockname()[1]}", requests)
        finally:
            server.should_exit = True
            thread.join(timeout=10)
    finally:
        listener.close()


def run(port: int, cache: Path) -> None:
    """Serve the portals on ``port`` until interrupted.

    Raises:
        OSError: the port is taken.
    """
    listener = _listen(port)
    try:
        site = build_site(cache)
        uvicorn.Server(_configure(site, _say)).run(sockets=[listener])
    finally:
        listener.close()


def _say(served: Served) -> None:
    print(f"{served.status} {served.method} {served.path} ({served.body_bytes} bytes)", flush=True)
