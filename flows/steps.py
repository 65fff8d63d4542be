"""The stages of the job as plain functions over one workspace. The flows call these and add
scheduling, retries and artifacts; ``juesuan check`` calls them without Prefect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from sqlalchemy import Engine

from connectors.archive import Archive
from connectors.crawl import crawl_site
from connectors.records import Fetch, FetchOutcome, FetchRole
from connectors.sites import Site, load_sites
from data_docs.build import build_site
from disclosures.assembly import Disclosure, DocumentReading, assemble
from disclosures.model import Reading
from disclosures.reading import READER_VERSION
from disclosures.reading.containers import is_container, members
from disclosures.reading.readers.base import UnreadableError
from disclosures.reading.sniff import sniff
from disclosures.reading.workers import ReaderPool
from expectations.catalogue import Catalogue, load_catalogue
from expectations.judge import JudgedBatch, judge_batch
from flows.progress import advance
from flows.settings import Settings, load_settings
from warehouse import load, queries
from warehouse.database import open_engine
from warehouse.marts import load_batch

T = TypeVar("T")


class UnknownSite(Exception):
    """A site was named that the registry does not have, or that cannot be crawled."""


class UnknownDocument(Exception):
    """A document was named that the archive does not have."""


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive slices of at most ``size`` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


@dataclass
class Workspace:
    """What the stages need, each opened when it is first used."""

    settings: Settings

    @cached_property
    def engine(self) -> Engine:
        return open_engine(self.settings.warehouse_url)

    @cached_property
    def archive(self) -> Archive:
        return Archive(self.settings.archive_root)

    @cached_property
    def catalogue(self) -> Catalogue:
        return load_catalogue()

    @cached_property
    def sites(self) -> dict[str, Site]:
        return load_sites(replica_base_url=self.settings.replica or None)


@cache
def _workspace(settings: str) -> Workspace:
    return Workspace(Settings.model_validate_json(settings))


def workspace() -> Workspace:
    """The workspace of this process's settings. Tasks ask for it instead of being handed it,
    so that they run in any process whose environment names the same warehouse."""
    return _workspace(load_settings().model_dump_json())


@dataclass
class Run:
    """One run while it goes on; ``summary`` ends up in ``raw_runs``."""

    run_id: str
    summary: dict[str, Any] = field(default_factory=dict)


@contextmanager
def recorded_run(
    work: Workspace,
    kind: Literal["nightly", "rerun", "check"],
    parameters: Mapping[str, Any],
    *,
    flow_run_id: str | None = None,
) -> Iterator[Run]:
    """A row in ``raw_runs`` around a block; an exception leaves it ``failed`` with its reason."""
    run = Run(
        load.start_run(
            work.engine,
            kind=kind,
            parameters=dict(parameters),
            code_version=version("juesuan"),
            ruleset=work.catalogue.version,
            reader_version=READER_VERSION,
            flow_run_id=flow_run_id,
        )
    )
    try:
        yield run
    except BaseException as error:
        run.summary["failure"] = f"{type(error).__name__}: {error}"
        load.finish_run(work.engine, run.run_id, state="failed", summary=run.summary)
        raise
    load.finish_run(work.engine, run.run_id, state="completed", summary=run.summary)


# Crawling


@dataclass(frozen=True)
class SiteOutcome:
    """What a night brought from one site. ``failed`` has the reason of a crawl that does not
    count."""

    site: str
    documents: int
    documents_fetched: int
    outcomes: Mapping[str, int]
    failed: str | None


def chosen_sites(work: Workspace, keys: Sequence[str]) -> list[str]:
    """The named sites, or every verified one where none is named.

    Raises:
        UnknownSite: a key that the registry does not have.
    """
    unknown = sorted(set(keys) - set(work.sites))
    if unknown:
        raise UnknownSite(
            f"no site {', '.join(unknown)}; `juesuan sites` lists them"
            + (
                " (the replica's need JUESUAN_REPLICA, the address of a running `juesuan portal`)"
                if any("replica" in key for key in unknown)
                else ""
            )
        )
    named = list(dict.fromkeys(keys))
    for key in named:
        reason = work.sites[key].why_not_crawlable()
        if reason:
            raise UnknownSite(f"site {key} cannot be crawled: {reason}")
    return named or [key for key, site in work.sites.items() if site.is_nightly()]


def take_up_journals(work: Workspace) -> int:
    """Load the fetches of crawls that ended before the warehouse had them."""
    loaded = 0
    for journal in work.archive.journals():
        fetches = journal.fetches()
        try:
            load.save_fetches(
                work.engine, journal.run_id, with_members(work, fetches), work.archive
            )
        except ValueError:
            # The run is of another warehouse, or was never recorded: its own will take it up.
            continue
        work.archive.settle(journal)
        loaded += len(fetches)
    return loaded


def with_members(work: Workspace, fetches: Sequence[Fetch]) -> list[Fetch]:
    """Fetches, and after each that brought a container (zip) one for every file in it.

    A member's URL is the container's with the member's name as fragment, so that members of one
    container stay apart and keep their identity from night to night. What a container holds
    back, its own reading tells.
    """
    expanded: list[Fetch] = []
    for fetch in fetches:
        expanded.append(fetch)
        if fetch.role is not FetchRole.DOCUMENT or fetch.sha256 is None:
            continue
        try:
            path = work.archive.path(fetch.sha256)
            if not is_container(path):
                continue
            found = members(path).members
        except (FileNotFoundError, UnreadableError):
            continue
        for member in found:
            media_type = sniff(member.body).value
            sha256, _ = work.archive.put(member.body, media_type)
            expanded.append(
                replace(
                    fetch,
                    url=f"{fetch.url}#{quote(member.name)}",
                    final_url=None,
                    sha256=sha256,
                    media_type=media_type,
                    size_bytes=len(member.body),
                    etag=None,
                    last_modified=None,
                    headers={},
                    file_name=member.name,
                )
            )
    return expanded


def crawl(work: Workspace, run_id: str, site_key: str, since: date | None) -> SiteOutcome:
    """Crawl one site and record every request, also those of a crawl that failed."""
    site = work.sites[site_key]
    seen = 0

    def count(fetch: Fetch) -> None:
        nonlocal seen
        seen += 1
        advance(f"抓取 {site_key}", seen, None, fetch.url)

    result = crawl_site(
        site,
        work.archive,
        known=load.known_fetches(work.engine, site.key),
        since=since,
        run_id=run_id,
        contact=work.settings.contact,
        on_progress=count,
    )
    advance(f"抓取 {site_key}", seen, seen, "")
    load.save_fetches(work.engine, run_id, with_members(work, result.fetches), work.archive)
    outcomes = Counter(fetch.outcome.value for fetch in result.fetches)
    fetched = sum(
        fetch.role is FetchRole.DOCUMENT
        and fetch.outcome in (FetchOutcome.NEW, FetchOutcome.CHANGED)
        for fetch in result.fetches
    )
    return SiteOutcome(site.key, result.documents, fetched, dict(outcomes), result.failed)


# Reading


def read_documents(
    work: Workspace,
    run_id: str,
    documents: Sequence[load.StoredDocument],
    *,
    done: int = 0,
    total: int | None = None,
) -> list[Reading]:
    """Read archived documents in worker processes and save each as it comes.

    ``done`` and ``total`` place this chunk within the whole for the progress bar.
    """
    paths = {work.archive.root / d.archived_as: d for d in documents}
    readings: list[Reading] = []
    if not paths:
        return readings
    with ReaderPool(min(work.settings.jobs, len(paths))) as pool:
        for path, reading in pool.read(list(paths)):
            load.save_readings(work.engine, run_id, [reading])
            readings.append(reading)
            advance(
                "读取",
                done + len(readings),
                total or len(paths),
                paths[path].file_name or reading.sha256[:12],
            )
    return readings


# Judging


def assemble_sites(work: Workspace, run_id: str, sites: Collection[str]) -> list[Disclosure]:
    """Make disclosures of what the sites publish now."""
    documents = []
    for document in load.documents_to_assemble(work.engine, READER_VERSION, sites=sites):
        site = work.sites.get(document.site or "")
        if site is not None:
            region, code = site.region_of(document.agency or "")
            document = replace(document, region=region, region_code=code)
        documents.append(document)
    disclosures = assemble(documents, alternates="merge")
    load.save_disclosures(work.engine, run_id, disclosures, sites=sites)
    return disclosures


def assemble_local(
    work: Workspace, run_id: str, documents: Sequence[DocumentReading]
) -> list[Disclosure]:
    """Make disclosures of local files; two files with the same forms stay two."""
    disclosures = assemble(documents, alternates="separate")
    load.save_disclosures(work.engine, run_id, disclosures)
    return disclosures


def judge(
    work: Workspace, run_id: str, versions: Mapping[str, str], batch_name: str
) -> JudgedBatch:
    """Validate disclosures (id to version) as one batch, score them and save the verdicts."""
    batch = load_batch(work.engine, list(versions))
    judged = judge_batch(batch, work.catalogue, batch_name=batch_name)
    load.save_judgements(work.engine, run_id, judged.judgements, judged.validations, versions)
    return judged


# Publishing


def publish(work: Workspace, out: Path | None = None) -> Path:
    """Render the data docs and swap them in; returns the index page."""
    return build_site(
        work.engine,
        out or work.settings.data_docs_root,
        archive=work.settings.archive_root,
        rules=work.catalogue.describe(),
    )


# What is there


def unread(work: Workspace, sites: Collection[str]) -> list[load.StoredDocument]:
    """Archived documents of the sites that this version of the readers has not read."""
    return load.unread_documents(work.engine, READER_VERSION, sites=sites)


def full_hash(work: Workspace, start: str) -> str:
    """The one document whose SHA-256 begins so.

    Raises:
        UnknownDocument: none does, or several do.
    """
    found = queries.documents_starting_with(work.engine, start)
    if len(found) != 1:
        raise UnknownDocument(
            f"{'no archived document' if not found else 'several documents'} "
            f"with a SHA-256 that begins with {start}"
        )
    return found[0]


def overview(
    work: Workspace,
    *,
    disclosure_ids: Collection[str] | None = None,
    sites: Collection[str] | None = None,
) -> list[queries.DisclosureSummary]:
    """Disclosures with the judgement that stands, for tables."""
    return queries.disclosure_summaries(work.engine, disclosure_ids=disclosure_ids, sites=sites)
