"""A crawl in a process of its own, under a connection layer that writes down every connection.

A module of its own, because the process imports the module of the function that it runs.
"""

from __future__ import annotations

import pickle
import socket
from collections import Counter
from pathlib import Path
from typing import Any

from twisted.internet._resolver import GAIResolver
from twisted.internet.error import ConnectionRefusedError as RefusedError
from twisted.python.failure import Failure

from connectors.engine import run_crawl
from connectors.orders import CrawlOrder
from connectors.records import Fetch
from connectors.safety import GuardedReactor

#: Stands for any public address.
PUBLIC = "8.8.8.8"


class RecordingReactor(GuardedReactor):
    """Writes down every address that passed the guard; the portal stands in for the public one,
    and nothing else is connected to."""

    attempts: list[tuple[str, int]]
    portal: int

    def open_connection(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        self.attempts.append((host, port))
        if host == "127.0.0.1":
            return super().open_connection(host, port, *args, **kwargs)
        if host == PUBLIC:
            return super().open_connection("127.0.0.1", self.portal, *args, **kwargs)
        factory = args[0]
        factory.doStart()
        return self.callLater(0, factory.clientConnectionFailed, None, Failure(RefusedError()))


def crawl_recorded(order: CrawlOrder, port: int, result: Path) -> None:
    """Runs in a process of its own; names of ``.example`` lead inside at the second look."""
    attempts: list[tuple[str, int]] = []
    looks: Counter[str] = Counter()

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if not name.endswith(".example"):
            return socket.getaddrinfo(host, *args, **kwargs)
        looks[name] += 1
        # The first look is for robots.txt, which must be had before the file is asked for.
        address = "127.0.0.1" if looks[name] > 1 else PUBLIC
        return socket.getaddrinfo(address, *args, **kwargs)

    class Reactor(RecordingReactor):
        def __init__(self, *args: Any) -> None:
            self.attempts, self.portal = attempts, port
            super().__init__(*args)
            resolver: Any = GAIResolver
            self.installNameResolver(resolver(self, self.getThreadPool, resolve))

    fetches: list[Fetch] = []
    closed = run_crawl(order, fetches.append, Reactor)
    result.write_bytes(pickle.dumps((closed, attempts, dict(looks), fetches)))
