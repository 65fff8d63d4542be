"""Crawling one site: a child process does it, this side listens, judges the result and kills a
child that overstays."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Final
from urllib.parse import urldefrag

from connectors.archive import Archive
from connectors.orders import CrawlOrder, Limits
from connectors.records import CrawlResult, Fetch, FetchOutcome, FetchRole, Known
from connectors.sites import Site

logger = logging.getLogger(__name__)

#: A crawl that has not wound up this long after its deadline is killed.
_GRACE_S: Final = 20.0
_FOUND: Final = frozenset({FetchOutcome.NEW, FetchOutcome.CHANGED, FetchOutcome.UNCHANGED})
_FINISHED: Final = "finished"
_CLOSED: Final = {
    "closespider_timeout": "到达时限，未完成",
    "memusage_exceeded": "占用内存过多，已中止",
}


def user_agent(contact: str = "") -> str:
    """Who we are, and where a webmaster can reach whoever runs this."""
    try:
        release = version("juesuan")
    except PackageNotFoundError:  # run from a checkout that is not installed
        release = "0"
    contact = contact or os.environ.get("JUESUAN_CONTACT", "")
    # A header is Latin-1 without line breaks, whatever was configured.
    contact = "".join(sign for sign in contact if sign.isascii() and sign.isprintable()).strip()
    about = f"+{contact}" if contact else "checks published final accounts"
    return f"juesuan/{release} ({about})"


def crawl_site(
    site: Site,
    archive: Archive,
    *,
    known: Mapping[str, Known],
    since: date | None = None,
    run_deadline_s: float = 6 * 3600.0,
    run_id: str | None = None,
    contact: str = "",
    limits: Limits | None = None,
    on_progress: Callable[[Fetch], None] | None = None,
) -> CrawlResult:
    """Crawl a site and archive what it publishes.

    ``known`` are the terms of conditional requests by URL; ``since`` leaves out list entries
    dated before it; after ``run_deadline_s`` seconds the crawl winds up and what is missing is
    left for the next one. ``on_progress`` is called here for every fetch as it comes in.

    Never raises for what a site does: ``failed`` of the result carries the reason.
    """
    reason = site.why_not_crawlable()
    if reason is not None:
        return CrawlResult(site.key, (), 0, failed=reason)
    order = CrawlOrder(
        site=site,
        archive=archive,
        run_id=run_id or str(uuid.uuid4()),
        known=dict(known),
        since=since,
        deadline_s=run_deadline_s,
        limits=limits or Limits(),
        user_agent=user_agent(contact),
    )
    fetches: list[Fetch] = []

    def listen(fetch: Fetch) -> None:
        fetches.append(fetch)
        if on_progress is not None:
            on_progress(fetch)

    ended = _run_child(order, listen, hard_stop_s=run_deadline_s + _GRACE_S)
    documents = len(
        {
            fetch.url
            for fetch in fetches
            if fetch.role is FetchRole.DOCUMENT and fetch.outcome in _FOUND
        }
    )
    failed = _why_failed(site, fetches, documents, ended, since)
    return CrawlResult(site.key, tuple(fetches), documents, failed)


def _why_failed(
    site: Site, fetches: list[Fetch], documents: int, ended: str | None, since: date | None
) -> str | None:
    """Why a crawl does not count, or None."""
    if ended is not None:
        return ended
    starts = {urldefrag(column.url).url for column in site.columns}
    lists = [fetch for fetch in fetches if fetch.role is FetchRole.LIST]
    lost = [fetch for fetch in lists if fetch.url in starts and fetch.outcome not in _FOUND]
    if lost:
        return f"栏目无法取得：{lost[0].url}（{lost[0].reason}）"
    if not any(fetch.role in (FetchRole.ARTICLE, FetchRole.DOCUMENT) for fetch in fetches) and (
        since is None
    ):
        return "所有栏目中均未识别出条目"
    if documents < site.min and since is None:
        return f"只找到 {documents} 份文件，少于应有的 {site.min} 份"
    return None


def _run_child(
    order: CrawlOrder, listen: Callable[[Fetch], None], *, hard_stop_s: float
) -> str | None:
    """Run one crawl in a process of its own; returns why it did not finish, or None."""
    hard_stop = monotonic() + hard_stop_s
    receiver, sender = multiprocessing.Pipe(duplex=False)
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    with receiver:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "connectors.child", str(sender.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[sender.fileno()],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)},
            # An interrupt at the terminal is for this side, which then ends the child.
            start_new_session=True,
        )
        sender.close()
        try:
            closed = _listen(process, receiver, order, listen, hard_stop)
            if closed is not None:
                process.wait(5)
        except subprocess.TimeoutExpired:
            closed = _FINISHED  # everything has arrived; it only fails to exit
        finally:
            if process.poll() is None:
                process.kill()
            code = process.wait()
    if closed is None:
        return f"抓取进程异常结束（退出码 {code}）"
    return None if closed == _FINISHED else _CLOSED.get(closed, f"抓取中止：{closed}")


def _listen(
    process: subprocess.Popen[bytes],
    receiver: Connection,
    order: CrawlOrder,
    listen: Callable[[Fetch], None],
    hard_stop: float,
) -> str | None:
    """Hand the order over and take in what comes; returns the reason why the crawl was closed,
    or None if the child died."""
    assert process.stdin is not None
    try:
        with process.stdin:
            pickle.dump(order, process.stdin)
    except BrokenPipeError:
        return None
    closed: str | None = None
    while True:
        left_s = hard_stop - monotonic()
        if left_s <= 0:
            return "closespider_timeout"
        if not receiver.poll(min(left_s, 1.0)):
            continue
        try:
            kind, payload = receiver.recv()
        except EOFError:
            return closed
        if kind == "fetch":
            listen(payload)
        elif kind == "log":
            logger.log(payload[0], "%s: %s", order.site.key, payload[1])
        elif kind == "closed":
            closed = payload
