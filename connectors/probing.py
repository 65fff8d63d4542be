"""How the registered sites are: one probe each, the first page of every column, judged."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from connectors.archive import Archive
from connectors.crawl import survey_site
from connectors.families import ListEntry, ListPage, decode, families
from connectors.orders import Limits
from connectors.records import Fetch, FetchOutcome, FetchRole
from connectors.sites import Column, Site

#: A probe of one site takes no longer, in seconds.
DEADLINE_S: Final = 300.0
_LIMITS: Final = Limits(
    requests=200, list_pages=200, retries=1, retry_wait_s=2.0, request_timeout_s=60.0
)
_SITES_AT_ONCE: Final = 8
_PERMANENT: Final = frozenset({301, 308})
_FORBIDDEN: Final = frozenset({401, 403, 405, 406, 412, 418, 429, 444, 451, 521})
_DAYS_A_YEAR: Final = 365.25


class SiteState(StrEnum):
    """How a site is, the worst of its columns first."""

    DEAD = "dead"
    BLOCKED = "blocked"
    MOVED = "moved"
    SILENT = "silent"
    UNVERIFIED = "unverified"
    OK = "ok"

    @property
    def needs_attention(self) -> bool:
        return self not in (SiteState.OK, SiteState.UNVERIFIED)


#: What to do about each state (Chinese).
ADVICE: Final[Mapping[SiteState, str]] = {
    SiteState.DEAD: "用浏览器核对网址；网站已停用或改版的，用 juesuan sites discover 重新查找栏目",
    SiteState.BLOCKED: (
        "网站不接受自动访问：请与主办单位联系，或由人工下载后用 juesuan check 校验；不得绕过"
    ),
    SiteState.MOVED: ("核对新网址后修改站点文件中的 columns；转到其他域名的，另行登记"),
    SiteState.SILENT: (
        "用浏览器查看栏目：改了栏目的，用 juesuan sites discover 重新查找；确未公开的，按未公开处理"
    ),
    SiteState.UNVERIFIED: "用 juesuan sites discover 查找栏目，经人核对后登记",
    SiteState.OK: "",
}


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """One column as it answered. ``entries`` are those of its first page, ``total`` how many the
    list claims to have; ``newest`` is YYYY-MM-DD."""

    url: str
    what: str
    state: SiteState
    reason: str
    entries: int = 0
    total: int | None = None
    newest: str | None = None
    now_at: str | None = None


@dataclass(frozen=True, slots=True)
class SiteReport:
    """One site, with the reason (Chinese) and what to do about it."""

    site: str
    name: str
    state: SiteState
    reason: str
    advice: str
    columns: tuple[ColumnReport, ...] = ()

    def to_row(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def probe_sites(
    sites: Sequence[Site],
    *,
    years: int = 2,
    contact: str = "",
    on_done: Callable[[SiteReport], None] | None = None,
) -> list[SiteReport]:
    """Probe sites side by side; a report for every one, in their order, whatever happens."""

    def probe(site: Site) -> SiteReport:
        try:
            report = probe_site(site, years=years, contact=contact)
        except Exception as error:
            # One site must not cost the others their report: it says itself what broke.
            reason = f"探测未能完成：{type(error).__name__}: {error}"
            report = _report(site, SiteState.DEAD, reason)
        if on_done is not None:
            on_done(report)
        return report

    with ThreadPoolExecutor(max_workers=_SITES_AT_ONCE) as pool:
        return list(pool.map(probe, sites))


def probe_site(site: Site, *, years: int = 2, contact: str = "") -> SiteReport:
    """Ask for the first page of each column of a site, with a crawl's manners, and judge it.

    ``years``: a site whose newest entry is older is silent.
    """
    reason = site.why_not_crawlable()
    if reason is not None:
        return _report(site, SiteState.UNVERIFIED, reason)
    with tempfile.TemporaryDirectory(prefix="juesuan-probe-") as folder:
        archive = Archive(Path(folder))
        fetches, ended = survey_site(
            site,
            archive,
            explore=False,
            run_deadline_s=DEADLINE_S,
            limits=_LIMITS,
            contact=contact,
        )
        columns = tuple(_column(site, column, fetches, archive, ended) for column in site.columns)
    worst = min(columns, key=lambda column: list(SiteState).index(column.state))
    if worst.state is not SiteState.OK:
        alike = sum(column.state is worst.state for column in columns)
        several = f"（{alike}/{len(columns)} 个栏目如此）" if len(columns) > 1 else ""
        reason = f"{worst.what}：{worst.reason}{several}"
        return _report(site, worst.state, reason, columns)
    return _judge_lists(site, columns, years)


def _judge_lists(site: Site, columns: tuple[ColumnReport, ...], years: int) -> SiteReport:
    """Whether columns that all answer still bring something."""
    known = [column.total or column.entries for column in columns]
    dates = [column.newest for column in columns if column.newest]
    newest = max(dates, default=None)
    # An article has one document or a few: far fewer articles than documents are a broken list. One
    # that goes on behind its first page without saying how far cannot be judged so.
    if all(column.total is not None for column in columns) and sum(known) * 2 < site.min:
        reason = f"共 {sum(known)} 条，不到登记的 min {site.min} 的一半"
        return _report(site, SiteState.SILENT, reason, columns)
    # The bundled portal's dates stand still.
    if newest is not None and not site.allow_loopback:
        age = datetime.now(UTC).date() - date.fromisoformat(newest)
        if age.days > years * _DAYS_A_YEAR:
            reason = f"最新条目是 {newest}，已超过 {years} 年"
            return _report(site, SiteState.SILENT, reason, columns)
    reason = f"{len(columns)} 个栏目正常，首页共 {sum(c.entries for c in columns)} 条" + (
        f"，最新 {newest}" if newest else "，条目没有日期"
    )
    moved = [column.now_at for column in columns if column.now_at]
    if moved:
        reason += f"；网址已转到 {moved[0]}"
    if not site.verified:
        reason += "；尚未核实"
    return _report(site, SiteState.OK, reason, columns)


def _report(
    site: Site, state: SiteState, reason: str, columns: tuple[ColumnReport, ...] = ()
) -> SiteReport:
    return SiteReport(site.key, site.name, state, reason, ADVICE[state], columns)


def _column(
    site: Site, column: Column, fetches: Sequence[Fetch], archive: Archive, ended: str | None
) -> ColumnReport:
    family = families()[site.family or ""]
    start = family.start(column.url, column.options)
    lists = [fetch for fetch in fetches if fetch.role is FetchRole.LIST]
    first = next((fetch for fetch in lists if fetch.url == start), None)
    robots = [fetch for fetch in fetches if fetch.role is FetchRole.ROBOTS]
    if first is None:
        found = _why_robots(robots) or (SiteState.DEAD, ended or "没有得到答复")
        return ColumnReport(column.url, column.what, *found)
    trouble = judge_answer(first, robots)
    if trouble is not None:
        return ColumnReport(column.url, column.what, *trouble, now_at=first.final_url)
    answers = [first, *(fetch for fetch in lists if fetch.found_on == start)]
    page = _read_all(answers, archive, site, column)
    newest = max((entry.published_on for entry in page.entries if entry.published_on), default=None)
    state, reason = SiteState.OK, f"首页 {len(page.entries)} 条"
    if not page.entries:
        state = SiteState.SILENT
        lost = [answer.reason for answer in answers if not answer.outcome.has_body]
        reason = f"列表无法取得：{lost[0]}" if lost else page.note or "列表页中未识别出任何条目"
    return ColumnReport(
        column.url,
        column.what,
        state,
        reason,
        len(page.entries),
        page.total if page.total is not None else None if page.further else len(page.entries),
        newest,
        first.final_url,
    )


def _read_all(answers: Sequence[Fetch], archive: Archive, site: Site, column: Column) -> ListPage:
    """The entries of a column's first page, its own or those that it asks for."""
    family = families()[site.family or ""]
    entries: dict[str, ListEntry] = {}
    further: dict[str, None] = {}
    totals: list[int] = []
    note = None
    encoding = site.quirk("encoding")
    asked = {answer.url for answer in answers}
    for answer in answers:
        if answer.sha256 is None or not answer.outcome.has_body:
            continue
        text = decode(
            archive.read(answer.sha256),
            content_type=answer.headers.get("Content-Type"),
            encoding=encoding if isinstance(encoding, str) else None,
        )
        try:
            page = family.parse_list(answer.url, text, column.options)
        except Exception as error:  # a stranger's page: it says itself what broke
            note = f"网页无法解析：{type(error).__name__}: {error}"
            continue
        entries |= {entry.url: entry for entry in page.entries}
        further |= dict.fromkeys(page.further)
        if page.total is not None:
            totals.append(page.total)
        note = page.note or note
    left = tuple(address for address in further if address not in asked)
    return ListPage(tuple(entries.values()), left, max(totals, default=None), note)


def judge_answer(fetch: Fetch, robots: Sequence[Fetch] = ()) -> tuple[SiteState, str] | None:
    """State and reason of a page that cannot be used where it is, or None for one that can."""
    reason = fetch.reason or ""
    if fetch.outcome is FetchOutcome.BLOCKED:
        return SiteState.BLOCKED, reason
    if fetch.outcome is FetchOutcome.REFUSED:
        if "转向其他网站" in reason:
            place = f"：{fetch.final_url}" if fetch.final_url else ""
            return SiteState.MOVED, reason + place
        if reason.startswith("robots.txt 不允许"):
            return SiteState.BLOCKED, reason
        return _why_robots(robots) or (SiteState.DEAD, reason)
    if fetch.outcome.has_body:
        steps = [hop.status for hop in fetch.hops if hop.url != (fetch.final_url or fetch.url)]
        if (
            fetch.final_url
            and _is_elsewhere(fetch.url, fetch.final_url)
            and any(status in _PERMANENT for status in steps)
        ):
            return SiteState.MOVED, f"已永久转到 {fetch.final_url}"
        return None
    if fetch.status in _FORBIDDEN:
        return SiteState.BLOCKED, reason
    if re.match(r"robots\.txt 不允许", reason):
        return SiteState.BLOCKED, reason
    return SiteState.DEAD, reason or "没有得到答复"


def _why_robots(robots: Sequence[Fetch]) -> tuple[SiteState, str] | None:
    """What kept robots.txt from being read, without which nothing else is asked for."""
    for fetch in robots:
        if fetch.outcome is FetchOutcome.BLOCKED or fetch.status == 429:
            return SiteState.BLOCKED, f"robots.txt：{fetch.reason}"
        if not fetch.outcome.has_body:
            return SiteState.DEAD, fetch.reason or "robots.txt 无法取得"
    return None


def _is_elsewhere(url: str, final_url: str) -> bool:
    """Whether a redirect led to another place, not only to https or to the folder's own name."""
    before, after = urlsplit(url), urlsplit(final_url)
    names = ("index.html", "index.htm", "index.shtml")

    def folder(path: str) -> str:
        last = path.rpartition("/")[2]
        return path.removesuffix(last) if last in names else path.rstrip("/") + "/"

    return (before.hostname, folder(before.path)) != (after.hostname, folder(after.path))
