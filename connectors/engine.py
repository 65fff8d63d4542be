"""Scrapy for one crawl. Runs in a child process only: Twisted's reactor cannot be started twice,
and a child can be killed. :mod:`connectors.crawl` starts it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from scrapy.crawler import CrawlerRunner
from twisted.internet.main import installReactor
from twisted.python.failure import Failure
from twisted.python.log import PythonLoggingObserver

from connectors.encodings import StrictCompressionMiddleware
from connectors.manners import PoliteHandler, SafetyMiddleware, spread
from connectors.orders import HOSTS_LEFT, CrawlOrder
from connectors.recorder import Recorder
from connectors.records import Fetch
from connectors.safety import AddressPolicy, GuardedReactor
from connectors.spider import SiteSpider
from connectors.survey import SurveySpider

_MEMORY_LIMIT_MB: Final = 2048


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
        "DOWNLOAD_DELAY": spread(site.delay_s)["delay"],
        "DOWNLOAD_DELAY_JITTER": spread(site.delay_s)["jitter"],
        "DOWNLOAD_TIMEOUT": float(timeout) if timeout else limits.request_timeout_s,
        "DOWNLOAD_MAXSIZE": limits.body_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_FAIL_ON_DATALOSS": True,
        "DOWNLOAD_VERIFY_CERTIFICATES": site.quirk("verify_tls") is not False,
        "DOWNLOAD_HANDLERS": {
            **dict.fromkeys(("data", "file", "ftp", "s3")),
            **dict.fromkeys(("http", "https"), PoliteHandler),
        },
        "DOWNLOADER_MIDDLEWARES": {
            # Read by our own middleware, which also records it and obeys its delay.
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
            "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
            "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
            SafetyMiddleware: 100,
            StrictCompressionMiddleware: 590,
        },
        "HTTPERROR_ALLOW_ALL": True,
        # A proxy of the environment would connect for us, past the check of addresses.
        "HTTPPROXY_ENABLED": False,
        "COOKIES_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "AUTOTHROTTLE_ENABLED": False,
        "REDIRECT_MAX_TIMES": 8,
        "RETRY_TIMES": limits.retries,
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
    """Crawl until the site is done or time is up; once per process. Returns Scrapy's close reason,
    or ``HOSTS_LEFT`` and what was left.

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
        crawler = runner.create_crawler(SiteSpider if order.survey is None else SurveySpider)
        failures: list[Failure] = []

        def end(result: object) -> None:
            if isinstance(result, Failure):
                failures.append(result)
            reactor.callLater(0, reactor.stop)  # type: ignore[no-untyped-call]

        runner.crawl(crawler, order=order, recorder=recorder).addBoth(end)
        reactor.run(installSignalHandlers=False)  # type: ignore[no-untyped-call]
    if failures:
        failures[0].raiseException()
    if isinstance(crawler.spider, SiteSpider) and (left := crawler.spider.gate.left()):
        return HOSTS_LEFT + "；".join(left.values())
    stats = crawler.stats.get_stats() if crawler.stats else {}
    return str(stats.get("finish_reason", "unknown"))
