"""What a crawl reports: one record per request, whatever became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from connectors.evidence import Hop
from connectors.link_scores import Verdict


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
    #: The answer was a challenge for browsers, a captcha or a login.
    BLOCKED = "blocked"

    @property
    def has_body(self) -> bool:
        """Whether the site answered with a body, or said that the archived one stands."""
        return self in (FetchOutcome.NEW, FetchOutcome.CHANGED, FetchOutcome.UNCHANGED)


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
    #: Every request on the wire that this took: repetitions and redirects, the last one at last.
    hops: tuple[Hop, ...] = ()
    #: What the link was worth and why (:mod:`connectors.link_scores`); None for lists and robots.
    score: int | None = None
    score_reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CrawlResult:
    """All fetches of one site in one night and whether the crawl counts.

    ``failed`` carries the reason when it does not: unreachable, blocked, or fewer documents
    than the site's ``min``. ``partial`` says why what the crawl did not come across may still be
    there (a list was not read to its end); ``unsettled`` are articles and packages that could not
    be read, so that nothing is known of what they lead to.
    """

    site: str
    fetches: Sequence[Fetch]
    documents: int
    failed: str | None = None
    partial: str | None = None
    unsettled: Set[str] = frozenset()
    #: The end of the site's quiet hours, if they kept it from being crawled or cut it short.
    resume_at: datetime | None = None
    #: A host asked to be left alone, or went on failing: trying again tonight would be rude.
    leave_alone: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What the archive holds of a URL already: the terms of a conditional request."""

    url: str
    sha256: str
    media_type: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    final_url: str | None = None  # where redirects led; only there do etag and time mean something
    #: What reading the body said of it, if it has been read.
    verdict: Verdict | None = None
    #: When the body itself was last received; a 304 is only somebody's word.
    received_at: datetime | None = None
    #: How the link to it read when it was last asked for.
    link_text: str | None = None
