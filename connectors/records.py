"""What a crawl reports: one record per request, whatever became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class FetchRole(StrEnum):
    ROBOTS = "robots"
    LIST = "list"
    ARTICLE = "article"
    DOCUMENT = "document"


class FetchOutcome(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    REFUSED = "refused"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Fetch:
    """One request and its outcome. ``sha256`` names the archived body where there is one."""

    site: str
    url: str
    role: FetchRole
    outcome: FetchOutcome
    fetched_at: datetime
    final_url: str | None = None
    status: int | None = None
    reason: str | None = None
    sha256: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    found_on: str | None = None
    link_text: str | None = None
    article_title: str | None = None
    published_on: str | None = None
    file_name: str | None = None


@dataclass(frozen=True, slots=True)
class CrawlResult:
    """All fetches of one site in one night and whether the crawl counts.

    ``failed`` carries the reason when it does not: unreachable, blocked, or fewer documents
    than the site's ``min``.
    """

    site: str
    fetches: tuple[Fetch, ...]
    documents: int
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the archive holds of a URL already: the terms of a conditional request."""

    url: str
    sha256: str
    media_type: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    final_url: str | None = None  # where redirects led; only there do etag and time mean something
