"""A web server for tests: pages from a table, conditional answers, and a log of what was sent."""

from __future__ import annotations

import hashlib
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench import loopback


@dataclass
class Reply:
    """One answer. ``drip_s`` waits before every kilobyte; ``declared`` overrides Content-Length."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    conditional: bool = True
    drip_s: float = 0.0
    declared: int | None = None


@dataclass
class Portal:
    """A running server; ``log`` holds (path, status, bytes sent, time) per answer. What is asked
    for by POST is known by its path, a # and its body."""

    port: int
    replies: dict[str, Reply | list[Reply]]
    scheme: str = "http"
    log: list[tuple[str, int, int, float]] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    at_once: int = 0
    most_at_once: int = 0
    #: Every answer is held back so long, so that requests made at once are there at once.
    hold_s: float = 0.0
    #: Answers after so many wait for ``open``.
    gate_after: int | None = None
    open: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        return [path for path, *_ in self.log]


@contextmanager
def portal(
    replies: dict[str, Reply | list[Reply]], tls: ssl.SSLContext | None = None
) -> Iterator[Portal]:
    """Serve a table of replies; a list is answered one by one, its last for good."""
    lock = threading.Lock()

    class Handler(loopback.Handler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.path += f"#{body.decode()}"
            self.do_GET()

        def do_GET(self) -> None:
            with lock:
                running.at_once += 1
                running.most_at_once = max(running.most_at_once, running.at_once)
                running.agents.add(self.headers.get("User-Agent", ""))
            time.sleep(running.hold_s)
            # Before the answer: whoever has it may ask again before this thread goes on.
            with lock:
                running.at_once -= 1
            if running.gate_after is not None and len(running.log) >= running.gate_after:
                running.open.wait(60)
            try:
                self._answer()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def _answer(self) -> None:
            entry = running.replies.get(self.path, Reply(b"<html>gone</html>", 404))
            if isinstance(entry, list):
                entry = entry.pop(0) if len(entry) > 1 else entry[0]
            tag = f'"{hashlib.sha256(entry.body).hexdigest()[:16]}"'
            headers = dict(entry.headers)
            status, body = entry.status, entry.body
            if entry.conditional and status == 200:
                headers["ETag"] = tag
                if self.headers.get("If-None-Match") == tag:
                    status, body = 304, b""
            running.log.append((self.path, status, len(body), time.monotonic()))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", str(entry.declared or len(body)))
            self.end_headers()
            if not entry.drip_s:
                self.wfile.write(body)
            for start in range(0, len(body) if entry.drip_s else 0, 1024):
                time.sleep(entry.drip_s)
                self.wfile.write(body[start : start + 1024])
                self.wfile.flush()
            if entry.declared:
                self.close_connection = True

    with loopback.serving(Handler, tls) as port:
        running = Portal(port, replies, "https" if tls else "http")
        yield running
