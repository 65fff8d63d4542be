"""How hosts are spoken to: what a request may ask for, robots.txt, pace and patience.

Scrapy's middlewares of this project; they see every hop of a redirect.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from protego import Protego
from scrapy.crawler import Crawler
from scrapy.exceptions import ResponseDataLossError
from scrapy.http import Request, Response

from connectors.challenges import CHALLENGE_BYTES, Challenge, challenge_in
from connectors.encodings import DamagedEncodingError, OversizedError, unpack
from connectors.evidence import text_headers
from connectors.failures import Blocked, Refused, Spent, describe_failure
from connectors.recorder import Aim, header_text
from connectors.records import FetchOutcome, FetchRole
from connectors.safety import url_refusal
from connectors.spider import SiteSpider, is_due
from connectors.wire import EvidenceHandler

ROBOTS_AGENT: Final = "juesuan"
#: RFC 9309, 2.5: a crawler reads at least this much of a robots.txt.
_ROBOTS_BYTES: Final = 500 * 1024
#: Our pause between two requests varies from the given one to half as much again.
_SPREAD: Final = 0.25
#: Statuses by which a host says that it cannot answer now, whatever it was asked for.
_ASKS_FOR_REST: Final = frozenset({429, 500, 502, 503, 504, 522, 524})


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
        return _spider_of(self._crawler)

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
            raise (Blocked if rules.blocked else Refused)(rules.reason)

    def _set_conditions(self, request: Request, aim: Aim) -> None:
        for name in ("If-None-Match", "If-Modified-Since"):
            request.headers.pop(name, None)
        known = self._spider.recorder.known(aim) if aim.conditional else None
        if request.method != "GET":  # RFC 9110, 13.2: conditions are for GET and HEAD
            return
        # An entity tag means nothing at another address than the one that gave it.
        if known is None or request.url != (known.final_url or aim.url):
            return
        if is_due(known, self._spider.order.limits.trust_days):
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
            hops = tuple(request.meta.get("hops", ()))
            recorder.record(aim, outcome, reason=reason, hops=hops)
            return _Rules(None, allow_all=False, reason=f"robots.txt 无法取得（{reason}）")
        if (what := request.meta.get("challenge")) is not None:
            reason = f"要求{what}"
            answered = recorder.answered(aim, response)
            recorder.record(aim, FetchOutcome.BLOCKED, reason=reason, **answered)
            reason = f"robots.txt 无法取得（{reason}）"
            return _Rules(None, allow_all=False, reason=reason, blocked=True)
        known = recorder.known(aim)
        if response.status == 304 and known is not None:
            try:
                body = self._spider.order.archive.read(known.sha256)
            except FileNotFoundError:  # damaged, and now set aside: asked for anew
                return await self._load_rules(origin)
            recorder.unchanged(aim, response, known)
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
        pace = spread(delay_s)
        downloader.per_slot_settings[host] = {"concurrency": 1, **pace}
        if host in downloader.slots:
            downloader.slots[host].delay = pace["delay"]
            downloader.slots[host].jitter = pace["jitter"]


def spread(delay_s: float) -> dict[str, float]:
    """Scrapy's settings of a pause that is never shorter than ``delay_s``, and not regular."""
    middle = delay_s * (1 + _SPREAD)
    return {"delay": middle, "jitter": _SPREAD / (1 + _SPREAD)}


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a robots.txt allows; ``reason`` says why something is not."""

    parser: Protego | None
    allow_all: bool
    reason: str
    blocked: bool = False

    def allow(self, url: str) -> bool:
        if self.parser is None:
            return self.allow_all
        return bool(self.parser.can_fetch(url, ROBOTS_AGENT))


class PoliteHandler(EvidenceHandler):
    """Scrapy's download handler behind the gate of hosts: one request at a time and host, none
    before its host has had the rest that it needs or asked for."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._of = crawler
        self._gate = _spider_of(crawler).gate

    async def download_request(self, request: Request) -> Response:
        """Raises:
        HostLeft: the host is not asked any more.
        Spent: the list has ended before this page, or time is up.
        """
        url = request.url
        spider = _spider_of(self._of)
        aim: Aim = request.meta["aim"]
        # Asked here, because requests wait for their turn and lists end in the meantime.
        if aim.role is FetchRole.LIST and (spent := spider.why_spent(aim)):
            raise Spent(spent)
        self._demand_time(spider)
        async with self._gate.turn(url, spider.order.site.delay_s):
            self._demand_time(spider)
            try:
                response = await super().download_request(request)
            except Exception as error:
                _, why = describe_failure(error)
                if not _is_refusal(error):
                    # A cut answer is the fault of one address, no answer that of the host.
                    of_host = not isinstance(error, ResponseDataLossError)
                    self._gate.failed(url, why, of_host=of_host)
                raise
        if response.status in _ASKS_FOR_REST:
            rest_s = retry_after_s(response)
            # A script that breaks answers 500, and others of the same host work.
            of_host = response.status != 500
            why = f"HTTP {response.status}"
            self._gate.failed(url, why, of_host=of_host, retry_after_s=rest_s)
        elif found := _challenge(response, self._of.settings.getint("DOWNLOAD_MAXSIZE")):
            request.meta["challenge"] = found.what
            if found.of_host:
                self._gate.challenged(url, found.what)
        else:
            self._gate.succeeded(url)
        return response

    @staticmethod
    def _demand_time(spider: SiteSpider) -> None:
        if spider.is_over():
            raise Spent("到达时限，未请求")


def _spider_of(crawler: Crawler) -> SiteSpider:
    spider = crawler.spider
    assert isinstance(spider, SiteSpider)
    return spider


def _is_refusal(error: BaseException) -> bool:
    return describe_failure(error)[0] is not FetchOutcome.FAILED


def _challenge(response: Response, max_size: int) -> Challenge | None:
    """The challenge that an answer holds, seen through its compression."""
    body = response.body
    try:
        for encoding in reversed(response.headers.getlist("Content-Encoding")):
            name = encoding.decode("latin-1").strip().lower()
            if name in {"gzip", "x-gzip", "deflate", "br", "zstd"}:
                body = unpack(body, name, min(max_size, CHALLENGE_BYTES))
    except (DamagedEncodingError, OversizedError):
        return None
    return challenge_in(response.status, text_headers(response.headers), body)


def retry_after_s(response: Response) -> float:
    """Seconds that ``Retry-After`` asks for (RFC 9110, 10.2.3: a number or a date), else 0."""
    text = (header_text(response, "Retry-After") or "").strip()
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
