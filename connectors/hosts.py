"""One connection a host, and patience: the gate that every request on the wire passes.

A host that fails is asked again later and later; one that goes on failing, or that asks for a
longer rest than a crawl can wait, is left alone for the rest of the crawl. Crawls of other sites
on this machine that need the same host take turns with this one through a lock file.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from connectors import locks
from connectors.failures import HostLeft
from connectors.safety import is_loopback

#: Ends every reason for which a host is left.
LEFT: Final = "本次不再请求"
_LOOK_AGAIN_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a crawl waits for a host, in seconds, and how often it takes a failure."""

    wait_s: float = 5.0  # after the first failure; doubled with each further one in a row
    wait_max_s: float = 300.0
    #: A longer rest than this is granted, too, but the crawl does not wait for its end.
    retry_after_max_s: float = 300.0
    failures: int = 15  # in a row
    blocked: int = 3  # challenges in a row


@dataclass(slots=True)
class _Host:
    failures: int = 0  # in a row, of any kind: they set the wait
    host_failures: int = 0  # in a row, of the host and not of one address
    blocked: int = 0
    not_before: float = 0.0
    left: str | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class HostGate:
    """The hosts of one crawl."""

    def __init__(self, patience: Patience, turns: Path | None = None) -> None:
        self._patience = patience
        self._turns = turns
        self._hosts: dict[str, _Host] = {}

    def _host(self, url: str) -> _Host:
        return self._hosts.setdefault(host_of(url), _Host())

    def left(self) -> dict[str, str]:
        """Hosts that were left, with the reason (Chinese)."""
        return {name: host.left for name, host in self._hosts.items() if host.left}

    @asynccontextmanager
    async def turn(self, url: str, delay_s: float = 0.0) -> AsyncIterator[None]:
        """The right to send one request, as soon as the host may be asked.

        Raises:
            HostLeft: the host is not asked any more in this crawl.
        """
        host = self._host(url)
        # Scrapy's own limit lets requests through together where there is no pause between them.
        async with host.lock:
            if host.left is not None:
                raise HostLeft(host.left)
            await asyncio.sleep(max(host.not_before - time.monotonic(), 0))
            async with self._turn_among_crawls(url, delay_s):
                yield

    @asynccontextmanager
    async def _turn_among_crawls(self, url: str, delay_s: float) -> AsyncIterator[None]:
        if self._turns is None:
            yield
            return
        name = hashlib.sha256(host_of(url).encode()).hexdigest()[:32]
        handle = os.open(self._turns / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while True:
                try:
                    locks.lock(handle)
                    break
                except BlockingIOError:
                    await asyncio.sleep(_LOOK_AGAIN_S)
            if os.fstat(handle).st_size:  # somebody has asked this host before
                since_s = time.time() - os.fstat(handle).st_mtime
                if 0 <= since_s < delay_s:
                    await asyncio.sleep(delay_s - since_s)
            os.pwrite(handle, b"x", 0)  # the file's time is that of the last request
            yield
        finally:
            os.close(handle)

    def succeeded(self, url: str) -> None:
        """The host answered as it should."""
        host = self._host(url)
        host.failures = host.host_failures = host.blocked = 0

    def failed(
        self, url: str, why: str, *, of_host: bool = True, retry_after_s: float = 0.0
    ) -> None:
        """A request failed; ``of_host`` says that any other would have failed likewise."""
        host, patience = self._host(url), self._patience
        doubled = patience.wait_s * 2.0 ** min(host.failures, 20 if of_host else 2)
        wait_s = min(doubled * random.uniform(1.0, 1.25), patience.wait_max_s)
        host.failures += 1
        host.host_failures += of_host
        host.not_before = time.monotonic() + max(wait_s, retry_after_s)
        if retry_after_s > patience.retry_after_max_s:
            host.left = f"主机 {host_of(url)} 要求 {retry_after_s:.0f} 秒后再来，{LEFT}"
        elif host.host_failures >= patience.failures:
            host.left = f"主机 {host_of(url)} 连续失败 {host.host_failures} 次（{why}），{LEFT}"

    def challenged(self, url: str, what: str) -> None:
        """The host answered with a challenge. What it guards is not asked for over and over."""
        host = self._host(url)
        host.blocked += 1
        if host.blocked >= self._patience.blocked:
            host.left = f"主机 {host_of(url)} 连续 {host.blocked} 次要求{what}，{LEFT}"


def host_of(url: str) -> str:
    """The host that takes turns; portals on the loopback are told apart by their ports."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower().rstrip(".")
    return f"{host}:{parts.port}" if parts.port and is_loopback(host) else host


def turns_folder() -> Path | None:
    """Where the crawls of this machine and user take turns, or None where they cannot."""
    if not locks.AVAILABLE:
        return None
    folder = Path(tempfile.gettempdir()) / f"juesuan-hosts-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        return None  # somebody else laid it out: nothing is written there
    return folder
