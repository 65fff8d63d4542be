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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Final
from zoneinfo import ZoneInfo

from connectors.archive import Archive
from connectors.families import families
from connectors.hosts import LEFT, turns_folder
from connectors.orders import HOSTS_LEFT, CrawlOrder, Limits, Survey
from connectors.records import CrawlResult, Fetch, FetchOutcome, FetchRole, Known
from connectors.scratch import Scratch, Texts
from connectors.sites import Site
from connectors.spool import Spool

logger = logging.getLogger(__name__)

#: A crawl that has not wound up this long after its deadline is killed.
_GRACE_S: Final = 20.0
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
    run_id = run_id or str(uuid.uuid4())
    now = datetime.now(UTC)
    until = site.quiet_until(now)
    if until is not None:
        return _kept_quiet(site, archive, run_id, until)
    quiet_from = site.quiet_from(now)
    if quiet_from is not None:
        left_s = (quiet_from - now).total_seconds()
        if left_s <= run_deadline_s:
            run_deadline_s, until = left_s, site.quiet_until(quiet_from)
    order = CrawlOrder(
        site=site,
        archive=archive,
        run_id=run_id,
        known=known,
        since=since,
        deadline_s=run_deadline_s,
        limits=limits or Limits(),
        user_agent=user_agent(contact),
        turns=turns_folder(),
    )
    fetches = Spool()
    scratch = Scratch()
    account = _Account(frozenset(start_addresses(site)), scratch.texts(), scratch.texts())

    def listen(fetch: Fetch) -> None:
        fetches.append(fetch)
        account.count(fetch)
        if on_progress is not None:
            on_progress(fetch)

    ended = _run_child(order, listen, hard_stop_s=run_deadline_s + _GRACE_S)
    if until is not None and ended == _CLOSED["closespider_timeout"]:
        ended = f"进入静默时段，未完成；{_beijing(until)} 之后再抓"
    else:
        until = None
    failed = account.why_failed(site, ended, since)
    return CrawlResult(
        site.key,
        fetches,
        len(account.documents),
        failed,
        account.why_partial(failed, since),
        account.unsettled,
        resume_at=until,
        leave_alone=ended is not None and ended.endswith(LEFT),
    )


def _kept_quiet(site: Site, archive: Archive, run_id: str, until: datetime) -> CrawlResult:
    """The result of a crawl that does not start, with a row for every column."""
    reason = f"静默时段内不抓取，{_beijing(until)} 之后再抓"
    fetches = []
    with archive.journal(run_id, site.key) as journal:
        for column, url in zip(site.columns, start_addresses(site), strict=True):
            fetch = Fetch(
                site.key,
                url,
                FetchRole.LIST,
                FetchOutcome.SKIPPED,
                datetime.now(UTC),
                reason=reason,
                article_title=column.what,
            )
            journal.append(fetch)
            fetches.append(fetch)
    return CrawlResult(site.key, fetches, 0, reason, partial=reason, resume_at=until)


def _beijing(moment: datetime) -> str:
    return f"北京时间 {moment.astimezone(ZoneInfo('Asia/Shanghai')):%m-%d %H:%M}"


@dataclass
class _Account:
    """What a crawl amounts to, counted while its fetches come in."""

    starts: frozenset[str]
    documents: Texts
    unsettled: Texts
    #: Of the columns' first pages: URL and why it was not read.
    lost: list[tuple[str, str | None]] = field(default_factory=list)
    #: Of the first list that was not read to its end: URL and why.
    torn: tuple[str, str] | None = None
    entries: int = 0

    def count(self, fetch: Fetch) -> None:
        had = fetch.outcome.has_body
        if fetch.role is FetchRole.LIST:
            if fetch.url in self.starts and not had:
                self.lost.append((fetch.url, fetch.reason))
            if self.torn is None and (not had or fetch.reason is not None):
                self.torn = (fetch.url, fetch.reason or "未取得")
        if fetch.role not in (FetchRole.ARTICLE, FetchRole.DOCUMENT):
            return
        self.entries += 1
        # One that is known and was not asked for again is there all the same.
        spared = fetch.outcome is FetchOutcome.SKIPPED and fetch.sha256
        if fetch.role is FetchRole.DOCUMENT and (had or spared):
            self.documents.add(fetch.url)
        # What is gone leads nowhere; of anything else that was not read nobody knows.
        lost = (not had or fetch.reason is not None) and fetch.status not in (404, 410)
        if lost and not spared:
            self.unsettled.add(fetch.url)

    def why_failed(self, site: Site, ended: str | None, since: date | None) -> str | None:
        """Why the crawl does not count, or None."""
        if ended is not None:
            return ended
        if self.lost:
            url, reason = self.lost[0]
            return f"栏目无法取得：{url}（{reason}）"
        if not self.entries and since is None:
            return "所有栏目中均未识别出条目"
        if len(self.documents) < site.min and since is None:
            return f"只找到 {len(self.documents)} 份文件，少于应有的 {site.min} 份"
        return None

    def why_partial(self, failed: str | None, since: date | None) -> str | None:
        """Why absence from the lists proves nothing, or None."""
        if failed is not None:
            return failed
        if since is not None:
            return f"只看 {since} 以来的条目"
        if self.torn:
            url, reason = self.torn
            return f"列表未读全：{url}（{reason}）"
        return None


def survey_site(
    site: Site,
    archive: Archive,
    *,
    explore: bool,
    run_deadline_s: float,
    limits: Limits,
    contact: str = "",
    on_progress: Callable[[Fetch], None] | None = None,
) -> tuple[list[Fetch], str | None]:
    """Look around on a site (:mod:`connectors.survey`) with the manners and guards of a crawl.

    Returns what was fetched, bodies in ``archive``, and why the survey was cut short, or None.
    """
    fetches: list[Fetch] = []

    def listen(fetch: Fetch) -> None:
        fetches.append(fetch)
        if on_progress is not None:
            on_progress(fetch)

    order = CrawlOrder(
        site=site,
        archive=archive,
        run_id=str(uuid.uuid4()),
        known={},
        since=None,
        deadline_s=run_deadline_s,
        limits=limits,
        user_agent=user_agent(contact),
        turns=turns_folder(),
        survey=Survey(explore=explore),
    )
    return fetches, _run_child(order, listen, hard_stop_s=run_deadline_s + _GRACE_S)


def start_addresses(site: Site) -> Iterator[str]:
    """The requests from which a crawl of a site starts."""
    family = families()[site.family or ""]
    for column in site.columns:
        yield family.start(column.url, column.options)


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
            pass  # out of time, or everything has arrived and it only fails to exit
        finally:
            if process.poll() is None:
                process.kill()
            code = process.wait()
    if closed is None:
        return f"抓取进程异常结束（退出码 {code}）"
    if closed.startswith(HOSTS_LEFT):
        return closed.removeprefix(HOSTS_LEFT)
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
        except (EOFError, OSError):  # the latter of a child that was killed within a word
            return closed
        if kind == "fetch":
            listen(payload)
        elif kind == "log":
            logger.log(payload[0], "%s: %s", order.site.key, payload[1])
        elif kind == "closed":
            closed = payload
