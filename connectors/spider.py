"""The crawl of one site with Scrapy. Runs in a child process only: Twisted's reactor cannot be
started twice, and a child can be killed. :mod:`connectors.crawl` starts it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any, Final
from urllib.parse import unquote, urldefrag, urlsplit

import scrapy
from protego import Protego
from scrapy.crawler import Crawler, CrawlerRunner
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.exceptions import (
    CannotResolveHostError,
    CloseSpider,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.http import Request, Response
from twisted.internet.main import installReactor
from twisted.python.failure import Failure
from twisted.python.log import PythonLoggingObserver

from connectors.archive import Journal
from connectors.families import FamilyOptions, ListEntry, decode, families, parse_article
from connectors.families.base import is_document_url
from connectors.media import PAGES, is_document
from connectors.orders import CrawlOrder
from connectors.records import Fetch, FetchOutcome, FetchRole, Known
from connectors.safety import AddressPolicy, BlockedAddressError, GuardedReactor, url_refusal
from disclosures.reading.sniff import sniff

ROBOTS_AGENT: Final = "juesuan"
#: RFC 9309, 2.5: a crawler reads at least this much of a robots.txt.
_ROBOTS_BYTES: Final = 500 * 1024
_KEPT_HEADERS: Final = (
    "Content-Type",
    "Content-Length",
    "Content-Disposition",
    "Content-Encoding",
    "Date",
    "ETag",
    "Last-Modified",
    "Server",
)
_HEADER_CHARACTERS: Final = 500
_TEXT_CHARACTERS: Final = 500
_RETRY_AFTER_MAX_S: Final = 120.0
_MEMORY_LIMIT_MB: Final = 2048


@dataclass(frozen=True, slots=True)
class Aim:
    """Why a request is made, and what its page said of it."""

    role: FetchRole
    url: str
    options: FamilyOptions = field(default_factory=FamilyOptions)
    found_on: str | None = None
    link_text: str | None = None
    article_title: str | None = None
    published_on: str | None = None
    file_name: str | None = None
    conditional: bool = True


class Refused(IgnoreRequest):
    """A request that is not made, with the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Recorder:
    """Turns answers into fetches: archive first, then the journal, then whoever listens."""

    def __init__(self, order: CrawlOrder, journal: Journal, send: Callable[[Fetch], None]) -> None:
        self._order = order
        self._journal = journal
        self._send = send

    def known(self, aim: Aim) -> Known | None:
        """What the archive still holds of a URL."""
        known = self._order.known.get(aim.url)
        return known if known is not None and known.sha256 in self._order.archive else None

    def record(self, aim: Aim, outcome: FetchOutcome, **details: Any) -> Fetch:
        fields: dict[str, Any] = {
            "site": self._order.site.key,
            "url": aim.url,
            "role": aim.role,
            "outcome": outcome,
            "fetched_at": datetime.now(UTC),
            "found_on": aim.found_on,
            "link_text": aim.link_text,
            "article_title": aim.article_title,
            "published_on": aim.published_on,
            "file_name": aim.file_name,
        } | details
        for name in ("link_text", "article_title", "file_name", "reason"):
            if fields.get(name) is not None:
                fields[name] = storable(fields[name])
        fetch = Fetch(**fields)
        self._journal.append(fetch)
        self._send(fetch)
        return fetch

    def answered(self, aim: Aim, response: Response) -> dict[str, Any]:
        """The fields of a fetch that come from an answer."""
        headers = {
            name: text for name in _KEPT_HEADERS if (text := _header(response, name)) is not None
        }
        return {
            "final_url": response.url if response.url != aim.url else None,
            "status": response.status,
            "etag": headers.get("ETag"),
            "last_modified": headers.get("Last-Modified"),
            "headers": headers,
        }

    def received(
        self, aim: Aim, response: Response, *, reason: str | None = None, **details: Any
    ) -> Fetch:
        """Keep the body of a 200 and record it."""
        body = response.body
        media_type = details.pop("media_type", None) or sniff(body).value
        sha256, _ = self._order.archive.put(body, media_type)
        known = self._order.known.get(aim.url)
        if known is None:
            outcome = FetchOutcome.NEW
        elif known.sha256 == sha256:
            outcome = FetchOutcome.UNCHANGED
        else:
            outcome = FetchOutcome.CHANGED
        return self.record(
            aim,
            outcome,
            sha256=sha256,
            media_type=media_type,
            size_bytes=len(body),
            reason=reason,
            **self.answered(aim, response),
            **details,
        )

    def unchanged(
        self,
        aim: Aim,
        response: Response,
        known: Known,
        *,
        reason: str | None = None,
        **details: Any,
    ) -> Fetch:
        """Record a 304: the archived body stands."""
        answered = self.answered(aim, response)
        # A 304 may leave out what the 200 said; the next night needs it again.
        answered["etag"] = answered["etag"] or known.etag
        answered["last_modified"] = answered["last_modified"] or known.last_modified
        path = self._order.archive.path(known.sha256)
        return self.record(
            aim,
            FetchOutcome.UNCHANGED,
            sha256=known.sha256,
            media_type=known.media_type or sniff(path.read_bytes()).value,
            size_bytes=path.stat().st_size,
            reason=reason,
            **answered,
            **details,
        )


class SiteSpider(scrapy.Spider):
    """Columns -> list pages -> articles -> documents, each URL once."""

    name = "site"

    def __init__(self, order: CrawlOrder, recorder: Recorder, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.order = order
        self.recorder = recorder
        self._family = families()[order.site.family or ""]
        self._seen: set[str] = set()
        self._list_pages: dict[str, int] = {}

    async def start(self) -> AsyncIterator[Request]:
        for column in self.order.site.columns:
            aim = Aim(
                FetchRole.LIST, column.url, column.options, column.url, article_title=column.what
            )
            for request in self._aim(aim):
                yield request

    # -- requests ---------------------------------------------------------------------------

    def _aim(self, aim: Aim) -> Iterator[Request]:
        """The request for an aim: each URL once, within the site and its limits."""
        url = urldefrag(aim.url).url
        aim = replace(aim, url=url)
        if url in self._seen:
            return
        self._seen.add(url)
        if len(self._seen) > self.order.limits.requests:
            self._skip(aim, f"超过单站请求上限 {self.order.limits.requests}")
            return
        if aim.role is FetchRole.LIST:
            column = aim.found_on or url
            self._list_pages[column] = self._list_pages.get(column, 0) + 1
            if self._list_pages[column] > self.order.limits.list_pages:
                self._skip(aim, f"超过单栏目列表页上限 {self.order.limits.list_pages}")
                return
        refusal = url_refusal(url)
        if refusal is not None:
            self.recorder.record(aim, FetchOutcome.REFUSED, reason=f"网址不可请求：{refusal}")
            return
        if not self.order.site.covers(url):
            host = urlsplit(url).hostname
            self._skip(aim, f"属于其他网站（{host}），未列入本站 hosts")
            return
        yield self._request(aim)

    def _request(self, aim: Aim) -> Request:
        # What is nearer to a document goes first: a crawl that is cut off has documents then.
        priority = {FetchRole.LIST: 0, FetchRole.ARTICLE: 10, FetchRole.DOCUMENT: 20}[aim.role]
        return Request(
            aim.url,
            callback=self.on_answer,
            errback=self.on_failure,
            meta={"aim": aim},
            dont_filter=True,
            priority=priority,
        )

    def _skip(self, aim: Aim, reason: str) -> None:
        self.recorder.record(aim, FetchOutcome.SKIPPED, reason=reason)

    # -- answers ----------------------------------------------------------------------------

    def on_answer(self, response: Response) -> Iterator[Request]:
        """Raises:
        CloseSpider: the archive cannot be written; nothing that follows could be kept either.
        """
        try:
            yield from self._read_answer(response)
        except OSError as error:
            raise CloseSpider(f"归档无法写入：{error}") from error

    def _read_answer(self, response: Response) -> Iterator[Request]:
        aim: Aim = response.meta["aim"]
        if response.status == 304:
            known = self.recorder.known(aim)
            if known is None:  # the copy has gone since the request was made
                yield self._request(replace(aim, conditional=False))
                return
            body = self.order.archive.read(known.sha256)
            media_type = known.media_type or sniff(body).value
        elif response.status == 200:
            known = None
            body = response.body
            media_type = sniff(body).value
        else:
            reason = f"HTTP {response.status}"
            self.recorder.record(
                aim, FetchOutcome.FAILED, reason=reason, **self.recorder.answered(aim, response)
            )
            return

        def keep(reason: str | None = None, **details: Any) -> None:
            if known is not None:
                self.recorder.unchanged(aim, response, known, reason=reason, **details)
            else:
                self.recorder.received(
                    aim, response, reason=reason, media_type=media_type, **details
                )

        if aim.role is FetchRole.DOCUMENT:
            keep(file_name=_offered_name(response) or aim.file_name)
            return
        if media_type not in PAGES:
            if is_document(media_type):
                # Some entries of a list lead to the file itself, whatever their address looks like.
                keep(role=FetchRole.DOCUMENT, file_name=_offered_name(response) or aim.file_name)
            else:
                self.recorder.record(
                    aim,
                    FetchOutcome.FAILED,
                    reason=f"类型不符：应为网页，实为 {media_type}",
                    **self.recorder.answered(aim, response),
                )
            return
        if len(body) > self.order.limits.page_bytes:
            keep(reason=f"网页超过 {self.order.limits.page_bytes} 字节，未解析")
            return
        try:
            text = decode(
                body,
                content_type=_header(response, "Content-Type") if known is None else None,
                encoding=_text_or_none(self.order.site.quirk("encoding")),
            )
            read = self._read_list if aim.role is FetchRole.LIST else self._read_article
            requests = list(read(aim, response.url, text, keep))
        except OSError:
            raise
        except Exception as error:
            # A stranger's page: what it breaks becomes a row with the reason, the crawl goes on.
            logging.getLogger(__name__).warning("cannot parse %s", aim.url, exc_info=True)
            keep(reason=f"网页无法解析：{type(error).__name__}: {error}")
            return
        yield from requests

    def _read_list(
        self, aim: Aim, url: str, text: str, keep: Callable[..., None]
    ) -> Iterator[Request]:
        page = self._family.parse_list(url, text, aim.options)
        since = self.order.since
        wanted = [entry for entry in page.entries if not _is_before(entry, since)]
        reason = None
        if not page.entries:
            reason = "列表页中未识别出任何条目"
        elif len(wanted) < len(page.entries):
            reason = f"{len(page.entries) - len(wanted)} 条早于 {since}，未跟进"
        keep(reason)
        for link in page.further:
            yield from self._aim(
                Aim(
                    FetchRole.LIST,
                    link,
                    aim.options,
                    aim.found_on,
                    article_title=aim.article_title,
                )
            )
        for entry in wanted:
            yield from self._aim(
                Aim(
                    FetchRole.DOCUMENT if _is_file(entry) else FetchRole.ARTICLE,
                    entry.url,
                    aim.options,
                    found_on=aim.url,
                    link_text=entry.title,
                    article_title=entry.title,
                    published_on=entry.published_on,
                )
            )

    def _read_article(
        self, aim: Aim, url: str, text: str, keep: Callable[..., None]
    ) -> Iterator[Request]:
        article = parse_article(url, text, aim.options)
        title = article.title or aim.article_title
        published_on = article.published_on or aim.published_on
        keep(article_title=title, published_on=published_on)
        if article.holds_tables:
            keep(role=FetchRole.DOCUMENT, article_title=title, published_on=published_on)
        for attachment in article.attachments:
            yield from self._aim(
                Aim(
                    FetchRole.DOCUMENT,
                    attachment.url,
                    aim.options,
                    found_on=aim.url,
                    link_text=attachment.text or None,
                    article_title=title,
                    published_on=published_on,
                    file_name=attachment.file_name,
                )
            )

    def on_failure(self, failure: Failure) -> None:
        request: Request = failure.request  # type: ignore[attr-defined]
        aim: Aim = request.meta["aim"]
        outcome, reason = describe_failure(failure.value)
        self.recorder.record(
            aim, outcome, reason=reason, final_url=request.url if request.url != aim.url else None
        )


class SafetyMiddleware:
    """Nearest to the spider: URLs, the site's bounds and robots.txt, for every hop of a redirect;
    and the terms of conditional requests."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._rules: dict[str, asyncio.Future[_Rules]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> SafetyMiddleware:
        return cls(crawler)

    @property
    def _spider(self) -> SiteSpider:
        spider = self._crawler.spider
        assert isinstance(spider, SiteSpider)
        return spider

    async def process_request(self, request: Request) -> None:
        """Raises:
        Refused: the request must not be made.
        """
        aim: Aim = request.meta["aim"]
        refusal = url_refusal(request.url)
        if refusal is not None:
            raise Refused(f"网址不可请求：{refusal}")
        if not self._spider.order.site.covers(request.url):
            raise Refused(f"转向其他网站（{urlsplit(request.url).hostname}）")
        self._set_conditions(request, aim)
        if aim.role is FetchRole.ROBOTS:
            return
        rules = await self._rules_for(request.url)
        if not rules.allow(request.url):
            raise Refused(rules.reason)

    def _set_conditions(self, request: Request, aim: Aim) -> None:
        for name in ("If-None-Match", "If-Modified-Since"):
            request.headers.pop(name, None)
        known = self._spider.recorder.known(aim) if aim.conditional else None
        # An entity tag means nothing at another address than the one that gave it.
        if known is None or request.url != (known.final_url or aim.url):
            return
        if known.etag:
            request.headers["If-None-Match"] = known.etag
        if known.last_modified:
            request.headers["If-Modified-Since"] = known.last_modified

    async def _rules_for(self, url: str) -> _Rules:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._rules:
            self._rules[origin] = asyncio.ensure_future(self._load_rules(origin))
        return await asyncio.shield(self._rules[origin])

    async def _load_rules(self, origin: str) -> _Rules:
        aim = Aim(FetchRole.ROBOTS, f"{origin}/robots.txt")
        recorder = self._spider.recorder
        request = Request(aim.url, meta={"aim": aim}, dont_filter=True, priority=1000)
        try:
            response = await self._crawler.engine.download_async(request)
        except Exception as error:  # whatever went wrong, the site's wishes are unknown
            outcome, reason = describe_failure(error)
            recorder.record(aim, outcome, reason=reason)
            return _Rules(None, allow_all=False, reason=f"robots.txt 无法取得（{reason}）")
        known = recorder.known(aim)
        if response.status == 304 and known is not None:
            recorder.unchanged(aim, response, known)
            body = self._spider.order.archive.read(known.sha256)
        elif response.status == 200:
            recorder.received(aim, response)
            body = response.body
        else:
            reason = f"HTTP {response.status}"
            recorder.record(
                aim, FetchOutcome.FAILED, reason=reason, **recorder.answered(aim, response)
            )
            # RFC 9309, 2.3.1.3 and 2.3.1.4: 4xx means no rules, anything else means hands off.
            missing = 400 <= response.status < 500 and response.status != 429
            return _Rules(None, allow_all=missing, reason=f"robots.txt 无法取得（{reason}）")
        parser = Protego.parse(body[:_ROBOTS_BYTES].decode("utf-8", "replace"))
        self._slow_down(origin, parser)
        return _Rules(parser, allow_all=False, reason="robots.txt 不允许")

    def _slow_down(self, origin: str, parser: Protego) -> None:
        """Keep the delay that the site asks for, where it is longer than ours."""
        delay_s = self._spider.order.site.delay_s
        asked_s = parser.crawl_delay(ROBOTS_AGENT)
        rate = parser.request_rate(ROBOTS_AGENT)
        delay_s = max(delay_s, asked_s or 0, rate.seconds / rate.requests if rate else 0)
        downloader = self._crawler.engine.downloader
        host = urlsplit(origin).hostname or ""
        downloader.per_slot_settings[host] = {"concurrency": 1, "delay": delay_s, "jitter": 0}
        if host in downloader.slots:
            downloader.slots[host].delay = delay_s


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a robots.txt allows; ``reason`` says why something is not."""

    parser: Protego | None
    allow_all: bool
    reason: str

    def allow(self, url: str) -> bool:
        if self.parser is None:
            return self.allow_all
        return bool(self.parser.can_fetch(url, ROBOTS_AGENT))


class BackoffRetryMiddleware(RetryMiddleware):
    """Scrapy's retries, each after a longer wait; a server that asks for rest gets it."""

    # Scrapy awaits methods of middlewares that are coroutines; its own are plain.
    async def process_response(  # type: ignore[override]
        self, request: Request, response: Response
    ) -> Request | Response:
        result = super().process_response(request, response)
        if isinstance(result, Request):
            wait_s = max(self._wait_s(result), _retry_after_s(response))
            self._hold(request, wait_s)
            await asyncio.sleep(wait_s)
        return result

    async def process_exception(  # type: ignore[override]
        self, request: Request, exception: Exception
    ) -> Request | Response | None:
        result = super().process_exception(request, exception)
        if isinstance(result, Request):
            await asyncio.sleep(self._wait_s(result))
        return result

    def _wait_s(self, request: Request) -> float:
        base_s = self.crawler.settings.getfloat("RETRY_WAIT_S")
        doubled = base_s * 2 ** (request.meta.get("retry_times", 1) - 1)
        return float(doubled * random.uniform(1.0, 1.25))

    def _hold(self, request: Request, wait_s: float) -> None:
        """No other request to that host in the meantime."""
        slot = self.crawler.engine.downloader.slots.get(urlsplit(request.url).hostname or "")
        if slot is not None:
            slot.lastseen = max(slot.lastseen, monotonic() + wait_s - slot.delay)


def describe_failure(error: BaseException | None) -> tuple[FetchOutcome, str]:
    """Outcome and reason (Chinese) of a request that got no usable answer."""
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, Refused):
            return FetchOutcome.REFUSED, cause.reason
        if isinstance(cause, BlockedAddressError):
            return FetchOutcome.REFUSED, f"拒绝连接内部地址：{cause}"
    text = str(error)
    if isinstance(error, DownloadCancelledError) or "DOWNLOAD_MAXSIZE" in text:
        return FetchOutcome.REFUSED, f"超过大小上限：{text}"
    if "max redirections" in text:
        return FetchOutcome.FAILED, "重定向次数过多"
    if isinstance(error, DownloadTimeoutError):
        return FetchOutcome.FAILED, f"超时：{text}"
    if isinstance(error, CannotResolveHostError):
        return FetchOutcome.FAILED, f"域名无法解析：{text}"
    if isinstance(error, DownloadConnectionRefusedError):
        return FetchOutcome.FAILED, f"连接被拒绝：{text}"
    if isinstance(error, ResponseDataLossError):
        return FetchOutcome.FAILED, "传输中断，内容不完整"
    return FetchOutcome.FAILED, f"{type(error).__name__}: {text}"


def _causes(error: BaseException | None) -> list[BaseException]:
    """An exception with what caused it; Twisted wraps several reasons into one failure."""
    found: list[BaseException] = []
    queue: list[BaseException | None] = [error]
    while queue:
        current = queue.pop()
        if current is None or current in found:
            continue
        found.append(current)
        queue += [current.__cause__, current.__context__]
        queue += [reason.value for reason in getattr(current, "reasons", None) or []]
    return found


def _retry_after_s(response: Response) -> float:
    """Seconds that ``Retry-After`` asks for, capped; 0 if it asks for nothing."""
    text = _header(response, "Retry-After")
    if text is None:
        return 0.0
    if text.strip().isdigit():
        return min(float(text), _RETRY_AFTER_MAX_S)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), _RETRY_AFTER_MAX_S)


def _header(response: Response, name: str) -> str | None:
    value: bytes | None = response.headers.get(name)
    if value is None:
        return None
    for encoding in ("utf-8", "gb18030"):
        try:
            return value.decode(encoding)[:_HEADER_CHARACTERS]
        except UnicodeDecodeError:
            continue
    return value.decode("latin-1")[:_HEADER_CHARACTERS]


def _offered_name(response: Response) -> str | None:
    """The file name of ``Content-Disposition`` (RFC 6266), for display only."""
    text = _header(response, "Content-Disposition") or ""
    extended = re.search(r"filename\*\s*=\s*([\w-]+)'[^']*'([^;]+)", text)
    if extended:
        try:
            return unquote(extended[2].strip(' "'), encoding=extended[1], errors="strict") or None
        except (LookupError, UnicodeDecodeError):
            pass
    plain = re.search(r'filename\s*=\s*(?:"([^"]*)"|([^;]+))', text)
    return unquote((plain[1] or plain[2] or "").strip()) or None if plain else None


def storable(text: str) -> str:
    """Crawled text that every database takes: no NUL, no half of a surrogate pair, no novel."""
    clean = text.replace("\0", "").encode("utf-8", "replace").decode()
    return clean if len(clean) <= _TEXT_CHARACTERS else clean[: _TEXT_CHARACTERS - 1] + "…"


def _is_before(entry: ListEntry, since: date | None) -> bool:
    return (
        since is not None
        and entry.published_on is not None
        and (entry.published_on < since.isoformat())
    )


def _is_file(entry: ListEntry) -> bool:
    return is_document_url(entry.url)


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def settings_for(order: CrawlOrder) -> dict[str, Any]:
    """Scrapy's settings for an order."""
    site, limits = order.site, order.limits
    timeout = site.quirk("timeout_s")
    return {
        "USER_AGENT": order.user_agent,
        "DEFAULT_REQUEST_HEADERS": {
            "Accept": "*/*",
            "Accept-Language": "zh-CN,zh;q=0.9",
        },
        # One request at a time per host; a site may span a few hosts.
        "CONCURRENT_REQUESTS": 4,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "DOWNLOAD_DELAY": site.delay_s,
        "DOWNLOAD_DELAY_JITTER": 0,
        "DOWNLOAD_TIMEOUT": float(timeout) if timeout else limits.request_timeout_s,
        "DOWNLOAD_MAXSIZE": limits.body_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_FAIL_ON_DATALOSS": True,
        "DOWNLOAD_VERIFY_CERTIFICATES": site.quirk("verify_tls") is not False,
        "DOWNLOAD_HANDLERS": {"data": None, "file": None, "ftp": None, "s3": None},
        "DOWNLOADER_MIDDLEWARES": {
            # Read by our own middleware, which also records it and obeys its delay.
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
            "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
            "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
            SafetyMiddleware: 100,
            BackoffRetryMiddleware: 550,
        },
        "HTTPERROR_ALLOW_ALL": True,
        # A proxy of the environment would connect for us, past the check of addresses.
        "HTTPPROXY_ENABLED": False,
        "COOKIES_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "AUTOTHROTTLE_ENABLED": False,
        "REDIRECT_MAX_TIMES": 8,
        "RETRY_TIMES": limits.retries,
        "RETRY_WAIT_S": limits.retry_wait_s,
        "RETRY_GIVE_UP_LOG_LEVEL": "INFO",
        "CLOSESPIDER_TIMEOUT": order.deadline_s,
        "MEMUSAGE_LIMIT_MB": _MEMORY_LIMIT_MB,
        "LOG_ENABLED": False,
        "STATS_DUMP": False,
        # The guarded reactor is installed before the crawl.
        "TWISTED_REACTOR": None,
    }


def run_crawl(
    order: CrawlOrder,
    send: Callable[[Fetch], None],
    reactor_class: type[GuardedReactor] = GuardedReactor,
) -> str:
    """Crawl until the site is done or time is up; once per process. Returns Scrapy's close reason.

    Raises:
        Exception: whatever kept Scrapy from starting.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    PythonLoggingObserver("twisted").start()  # type: ignore[no-untyped-call]
    reactor = reactor_class(AddressPolicy(order.site.loopback_ports()), loop)
    installReactor(reactor)  # type: ignore[no-untyped-call]
    order.archive.sweep()
    with order.archive.journal(order.run_id, order.site.key) as journal:
        recorder = Recorder(order, journal, send)
        runner = CrawlerRunner(settings_for(order))
        crawler = runner.create_crawler(SiteSpider)
        failures: list[Failure] = []

        def end(result: object) -> None:
            if isinstance(result, Failure):
                failures.append(result)
            reactor.callLater(0, reactor.stop)  # type: ignore[no-untyped-call]

        runner.crawl(crawler, order=order, recorder=recorder).addBoth(end)
        reactor.run(installSignalHandlers=False)  # type: ignore[no-untyped-call]
    if failures:
        failures[0].raiseException()
    stats = crawler.stats.get_stats() if crawler.stats else {}
    return str(stats.get("finish_reason", "unknown"))
