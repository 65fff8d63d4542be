"""What a crawl process is told: the order and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from connectors.archive import Archive
from connectors.records import Known
from connectors.sites import Site

#: Begins the close reason of a crawl that left hosts alone; what follows says which and why.
HOSTS_LEFT: Final = "hosts_left: "


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on one crawl. Bodies in bytes, waits in seconds."""

    body_bytes: int = 100 * 1024 * 1024
    page_bytes: int = 10 * 1024 * 1024  # of a list or an article, which is parsed here
    request_timeout_s: float = 120.0
    list_pages: int = 500
    requests: int = 100_000
    retries: int = 2
    retry_wait_s: float = 5.0  # after a host's first failure; doubled with each further one
    retry_wait_max_s: float = 300.0
    retry_after_max_s: float = 300.0  # a host that asks for more is left alone for the night
    host_failures: int = 15  # in a row; then the host is left alone for the night
    trust_days: int = 30  # then a document is fetched anew although its server says "unchanged"
    #: An article with files is read from the archive until its body is as old as this; its files
    #: are asked for every night all the same. Corrections are most likely at first.
    article_days: int = 28
    fresh_article_days: int = 7
    fresh_days: int = 60  # since its publication
    repeated_pages: int = 3  # list pages in a row with entries that were all seen before
    empty_pages: int = 20  # list pages in a row without entries


@dataclass(frozen=True, slots=True)
class Survey:
    """Look around instead of crawling: ``explore`` follows menus from the columns' addresses,
    otherwise only the first page of each column is read."""

    explore: bool


@dataclass(frozen=True, slots=True)
class CrawlOrder:
    """Everything that a crawl process needs for one crawl."""

    site: Site
    archive: Archive
    run_id: str
    known: Mapping[str, Known]
    since: date | None
    deadline_s: float
    limits: Limits
    user_agent: str
    turns: Path | None = None  # where crawls of this machine take turns at a host
    survey: Survey | None = None
