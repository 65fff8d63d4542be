"""Crawling one site: a child process does it, this side listens, judges the result and kills a
child that overstays."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import uuid
from collections.abc import Callable, Mapping
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from connectors.archive import Archive
from connectors.records import CrawlResult, Fetch, FetchOutcome, FetchRole, Known
from connectors.sites import Site

if TYPE_CHECKING:
    from connectors.spider import Limits

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
    order: dict[str, Any] = {
        "site": site,
        "archive": archive,
        "run_id": run_id or str(uuid.uuid4()),
        "known": dict(known),
        "since": since,
        "deadline_s": run_deadline_s,
        "limits": limits,
        "user_agent": user_agent(contact),
    }
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
    starts = {column.url for column in site.columns}
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
    order: dict[str, Any], listen: Callable[[Fetch], None], *, hard_stop_s: float
) -> str | None:
    """Run one crawl in a process of its own; returns why it did not finish, or None."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(
        target=_child, args=(order, sender), name=f"crawl-{order['site'].key}", daemon=True
    )
    hard_stop = monotonic() + hard_stop_s
    closed: str | None = None
    try:
        process.start()
        sender.close()
        while True:
            left_s = hard_stop - monotonic()
            if left_s <= 0:
                return _CLOSED["closespider_timeout"]
            if not receiver.poll(min(left_s, 1.0)):
                continue
            try:
                kind, payload = receiver.recv()
            except EOFError:
                break
            if kind == "fetch":
                listen(payload)
            elif kind == "log":
                logger.log(payload[0], "%s: %s", order["site"].key, payload[1])
            elif kind == "closed":
                closed = payload
        process.join(5)
    finally:
        if process.pid is not None and process.is_alive():
            process.kill()
            process.join(5)
        receiver.close()
    if closed is None:
        return f"抓取进程异常结束（退出码 {process.exitcode}）"
    if closed == _FINISHED:
        return None
    return _CLOSED.get(closed, f"抓取中止：{closed}")


class _PipeHandler(logging.Handler):
    """Sends warnings to the parent, whose terminal may show progress bars."""

    def __init__(self, sender: Connection) -> None:
        super().__init__(logging.WARNING)
        self._sender = sender

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._sender.send(("log", (record.levelno, self.format(record))))
        except OSError:  # the parent is gone; the next fetch ends the crawl
            return


def _child(order: dict[str, Any], sender: Connection) -> None:
    """Entry of the child process."""
    # An interrupt goes to the whole process group; the parent decides what becomes of us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    root = logging.getLogger()
    root.handlers[:] = [_PipeHandler(sender)]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)

    from connectors.spider import CrawlOrder, Limits, run_crawl

    def send(fetch: Fetch) -> None:
        try:
            sender.send(("fetch", fetch))
        except OSError:
            # Nobody listens any more: the parent was killed. The journal keeps what was done.
            os._exit(3)

    order["limits"] = order["limits"] or Limits()
    try:
        closed = run_crawl(CrawlOrder(**order), send)
    except Exception as error:  # the process ends here: the parent turns it into a failed crawl
        logger.exception("crawl failed")
        closed = f"{type(error).__name__}: {error}"
    sender.send(("closed", closed))
    sender.close()
