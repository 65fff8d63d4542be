"""What a crawl process is told: the order and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from connectors.archive import Archive
from connectors.records import Known
from connectors.sites import Site


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on one crawl. Bodies in bytes, waits in seconds."""

    body_bytes: int = 100 * 1024 * 1024
    page_bytes: int = 10 * 1024 * 1024  # of a list or an article, which is parsed here
    request_timeout_s: float = 120.0
    list_pages: int = 500
    requests: int = 20_000
    retries: int = 2
    retry_wait_s: float = 5.0


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
