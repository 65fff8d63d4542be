"""The stages of the job as plain functions over one workspace. The flows call these and add
scheduling, retries and artifacts; ``juesuan check`` calls them without Prefect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from sqlalchemy import Engine

from connectors.archive import Archive
from connectors.crawl import crawl_site
from connectors.known import known_index
from connectors.records import Fetch, FetchOutcome, FetchRole
from connectors.sites import Site, load_sites
from data_docs.build import build_site
from disclosures.assembly import Disclosure, DocumentReading, assemble
from disclosures.model import Reading
from disclosures.reading import READER_VERSION
from disclosures.reading.containers import CONTAINERS, is_container
from disclosures.reading.readers.base import UnreadableError
from disclosures.reading.sniff import sniff
from disclosures.reading.workers import ReaderPool, unpacked
from expectations.catalogue import Catalogue, load_catalogue
from expectations.judge import JudgedBatch, judge_batch
from flows.judges import Judges
from flows.progress import advance
from flows.settings import Settings, load_settings
from warehouse import load, locations, queries
from warehouse.database import open_engine
from warehouse.stored_batches import load_batch

T = TypeVar("T")

#: The reading workers of the run that is going on in this thread.
_WARM: ContextVar[ReaderPool | None] = ContextVar("warm_readers", default=None)

#: The judging workers of the run that is going on in this thread.
_JUDGES: ContextVar[Judges | None] = ContextVar("judges", default=None)

#: So many disclosures make a worker process of their own worth its start.
_WORTH_A_WORKER = 500

_CONTAINER_TYPES = frozenset(kind.value for kind in CONTAINERS)


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
        settings = self.settings
        return Archive(
            settings.archive or settings.archive_root,
            storage=settings.storage,
            copies=settings.archive_root,
        )

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
    #: Why what the crawl did not come across may still be published, or None.
    partial: str | None = None
    withdrawn: int = 0
    #: The end of the site's quiet hours, if they kept the crawl from being complete.
    resume_at: datetime | None = None
    #: The site is not to be asked again tonight.
    leave_alone: bool = False


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


def take_up_journals(work: Workspace) -> dict[str, str]:
    """Load the journals of crawls that ended before the warehouse had them. Returns those that
    could not be loaded, with the reason; they stay for the next run."""
    left: dict[str, str] = {}
    for journal in work.archive.journals():
        try:
            load.save_fetches(
                work.engine, journal.run_id, with_members(work, journal.rows()), work.archive
            )
        except load.UnknownRun:
            continue  # that run's own warehouse will take it up
        except Exception as error:  # one journal must not cost the others, or the night
            left[journal.name] = f"{type(error).__name__}: {error}"
            continue
        work.archive.settle(journal)
    return left


def with_members(work: Workspace, fetches: Iterable[Fetch]) -> Iterator[Fetch]:
    """Fetches, and after each that brought a container (zip) one for every file in it.

    A member's URL is the container's with the member's name as fragment, so that members of one
    container stay apart and keep their identity from night to night. What a container holds
    back, its own reading tells.
    """
    for fetch in fetches:
        yield fetch
        if fetch.role is not FetchRole.DOCUMENT or fetch.sha256 is None:
            continue
        try:
            if fetch.media_type not in _CONTAINER_TYPES:
                continue
            path = work.archive.local(fetch.sha256)
            if not is_container(path):
                continue
            found = unpacked(path).members
        except (FileNotFoundError, UnreadableError):
            continue
        for member in found:
            media_type = sniff(member.body).value
            sha256, _ = work.archive.put(member.body, media_type)
            yield replace(
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
                hops=(),
            )


def crawl(work: Workspace, run_id: str, site_key: str, since: date | None) -> SiteOutcome:
    """Crawl one site and record every request, also those of a crawl that failed."""
    site = work.sites[site_key]
    seen = 0

    def count(fetch: Fetch) -> None:
        nonlocal seen
        seen += 1
        advance(f"抓取 {site_key}", seen, None, fetch.url)

    known_now = locations.known_urls(work.engine, site.key)
    with known_index(work.archive.incoming, known_now) as known:
        result = crawl_site(
            site,
            work.archive,
            known=known,
            since=since,
            run_id=run_id,
            contact=work.settings.contact,
            on_progress=count,
        )
    advance(f"抓取 {site_key}", seen, seen, "")
    load.save_fetches(work.engine, run_id, with_members(work, result.fetches), work.archive)
    partial, withdrawn = result.partial, 0
    if partial is None:
        try:
            withdrawn = locations.withdraw_absent(
                work.engine,
                run_id,
                site.key,
                at=datetime.now(UTC),
                unsettled=result.unsettled,
            )
        except locations.ImplausibleAbsence as error:
            partial = str(error)
    journal = work.archive.journal_of(run_id, site.key)
    if journal is not None:
        work.archive.settle(journal)
    outcomes = Counter(fetch.outcome.value for fetch in result.fetches)
    fetched = sum(
        fetch.role is FetchRole.DOCUMENT
        and fetch.outcome in (FetchOutcome.NEW, FetchOutcome.CHANGED)
        for fetch in result.fetches
    )
    return SiteOutcome(
        site.key,
        result.documents,
        fetched,
        dict(outcomes),
        result.failed,
        partial,
        withdrawn,
        result.resume_at,
        result.leave_alone,
    )


# Reading


@contextmanager
def warm_readers(work: Workspace, documents: int) -> Iterator[None]:
    """Keep the reading workers that this thread starts from one chunk to the next.

    They end with the block, also when it fails or the flow is cancelled. ``documents`` is how
    many there are to read.
    """
    with ReaderPool(work.settings.jobs, expected=documents) as pool:
        mark = _WARM.set(pool)
        try:
            yield
        finally:
            _WARM.reset(mark)


def read_documents(
    work: Workspace,
    run_id: str,
    documents: Sequence[load.StoredDocument],
    *,
    done: int = 0,
    total: int | None = None,
) -> list[Reading]:
    """Read archived documents in worker processes and save each as it comes.

    The processes are those of :func:`warm_readers`, or else of this call alone. ``done`` and
    ``total`` place this chunk within the whole for the progress bar.
    """
    paths = {}
    for document in documents:
        try:
            paths[work.archive.local(document.sha256)] = document
        except FileNotFoundError as error:  # gone or damaged: the next crawl fetches it again
            load.note_damage(work.engine, document.sha256, str(error))
    readings: list[Reading] = []
    if not paths:
        return readings
    warm = _WARM.get()
    with (
        nullcontext(warm)
        if warm is not None
        else ReaderPool(work.settings.jobs, expected=len(paths)) as pool,
        # Closed at once when saving fails: a second try must not meet what the first left at work.
        closing(pool.read(list(paths))) as stream,
    ):
        for path, reading in stream:
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
    locations.settle_replacements(work.engine, sites)
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


def judging_batches(
    work: Workspace, run_id: str, versions: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Disclosures (id to version) by the name of the batch in which they are judged: as many
    batches as there may be workers, if that makes them neither too small nor too large."""
    share = -(-len(versions) // work.settings.jobs)
    size = min(work.settings.batch, max(share, _WORTH_A_WORKER))
    batches = chunks(list(versions.items()), size)
    return {f"{run_id[:8]}-{n}": dict(batch) for n, batch in enumerate(batches, start=1)}


@contextmanager
def judges(work: Workspace, batches: Mapping[str, Mapping[str, str]]) -> Iterator[Judges | None]:
    """Judge these batches in worker processes while this thread saves their verdicts one by one
    (:func:`judge`). The workers end with the block. A batch alone is judged in this process."""
    jobs = min(work.settings.jobs, len(batches))
    if jobs < 2:
        yield None
        return
    wanted = {name: list(batch) for name, batch in batches.items()}
    with Judges(work.settings.warehouse_url, wanted, jobs=jobs) as pool:
        pool.begin()
        mark = _JUDGES.set(pool)
        try:
            yield pool
        finally:
            _JUDGES.reset(mark)


def judge(
    work: Workspace, run_id: str, versions: Mapping[str, str], batch_name: str
) -> JudgedBatch:
    """Validate disclosures (id to version) as one batch, score them and save the verdicts.

    The verdicts are those of :func:`judges`, if they have the batch.
    """
    pool = _JUDGES.get()
    if pool is not None and batch_name in pool:
        judged = pool.judged(batch_name)
    else:
        batch = load_batch(work.engine, list(versions))
        judged = judge_batch(batch, work.catalogue, batch_name=batch_name)
    load.save_judgements(work.engine, run_id, judged.judgements, judged.validations, versions)
    return judged


# Publishing


def publish(work: Workspace, out: Path | None = None) -> Path:
    """Render the data docs and swap them in; returns the index page."""
    if work.archive.store.folder is None:
        for sha256 in load.documents_of_disclosures(work.engine):
            with suppress(FileNotFoundError):  # the page says that the file is not at hand
                work.archive.local(sha256)
    return build_site(
        work.engine,
        out or work.settings.data_docs_root,
        archive=work.archive.root,
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
