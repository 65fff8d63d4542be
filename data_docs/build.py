"""Build the data docs: one folder of plain files that works from a disk, offline."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from data_docs import records, wording
from data_docs.html import (
    ArchiveLinks,
    decimal_of,
    environment,
    local_time,
    one_decimal,
    page_name,
    script_json,
    web_url,
)
from data_docs.publishing import swapped_in
from data_docs.records import DisclosureHeader, Tally, Unjudged
from data_docs.views import Rule, disclosure_view
from expectations.catalogue import load_catalogue
from expectations.scoring import NO_GRADE
from warehouse.locations import Standing
from warehouse.schema import CoreJudgement, OutValidation, RawRun

#: Disclosures whose figures are in memory at a time.
_CHUNK: Final = 50
#: Runs whose validations have pages; older ones stay in the warehouse.
_RUNS_SHOWN: Final = 30
_PAGE_KEYS: Final = "page_keys.json"


def build_site(
    engine: Engine,
    out: Path,
    *,
    archive: Path | None = None,
    rules: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Build the whole site and put it in place of an older one at once.

    Args:
        engine: the warehouse; only read.
        out: folder of the site. Readers see either the old or the new one, never a half.
        archive: root of the document archive. Links to it are relative, so that a folder holding
            both can be copied anywhere; None leaves the links out.
        rules: catalogue rows with ``id title equation severity dimension basis version`` and
            optionally ``forms``; findings of rules that are not among them show their id only.

    Returns:
        Path of ``index.html``.

    Raises:
        SiteBusyError: another process kept building the same site.
    """
    catalogue = {rule.id: rule for rule in map(Rule.of, rules)}
    links = ArchiveLinks(out, archive)
    with swapped_in(out) as folder, records.open_session(engine) as session:
        for name in ("assets", "disclosures", "validations"):
            (folder / name).mkdir()
        _copy_assets(folder / "assets")
        headers = records.load_headers(session)
        built_at = datetime.now(UTC)
        _write_disclosures(session, folder, out, headers, catalogue, links)
        _write_index(session, engine, folder, headers, links, built_at)
        _write_validations(session, folder, catalogue)
        _write_rules(session, folder, catalogue)
    return out / "index.html"


def _render(folder: Path, name: str, template: str, depth: int, **values: object) -> None:
    page = environment().get_template(template).render(root="../" * depth, **values)
    (folder / name).write_text(page, encoding="utf-8")


def _copy_assets(folder: Path) -> None:
    for asset in files("data_docs").joinpath("assets").iterdir():
        (folder / asset.name).write_bytes(asset.read_bytes())


# -- disclosures ---------------------------------------------------------------------------------


@cache
def _own_code() -> str:
    """Hash of what else shapes a page: code, templates, forms, and the words for grades."""
    digest = hashlib.sha256()
    sources = [
        *Path(__file__).parent.glob("*.py"),
        *Path(__file__).parent.glob("templates/*"),
        *Path(str(files("disclosures.forms"))).glob("*.yaml"),
    ]
    for source in sorted(sources):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def _page_key(header: DisclosureHeader, rules_key: str, links: ArchiveLinks) -> str:
    """Hash of what decides a page: figures and findings never change under one version and
    rule set, so the judgements and the documents name them."""
    disclosure = header.disclosure
    decisive = [
        _own_code(),
        rules_key,
        [disclosure.disclosure_id, disclosure.site, disclosure.region, disclosure.agency],
        [disclosure.year, disclosure.published_on, disclosure.version, disclosure.context],
        [
            [one.version, one.ruleset, one.context, one.judged_at.isoformat(), one.digest]
            for one in header.history
        ],
        [header.judgement.version, header.judgement.ruleset, header.judgement.context]
        if header.judgement
        else None,
        [
            [
                [part.sha256, part.reader_version, part.forms, part.role, part.narrative],
                [part.document.file_name, [address.url for address in part.addresses]],
                links.href(part.document.archived_as, folder="disclosures"),
                links.path(part.document.archived_as) is not None,
                part.reading.digest if part.reading else None,
                _what_became(part.standing),
            ]
            for part in header.parts
        ],
    ]
    return hashlib.sha256(json.dumps(decisive, ensure_ascii=False).encode()).hexdigest()


def _what_became(standing: Standing | None) -> list[str | None]:
    """As far as a page tells it: files are withdrawn and replaced without a new judgement."""
    if standing is None or standing.state not in wording.STANDINGS:
        return []
    since = standing.since.isoformat()
    return [standing.state, since, standing.reason, standing.successor_url]


def _write_disclosures(
    session: Session,
    folder: Path,
    old: Path,
    headers: Sequence[DisclosureHeader],
    rules: Mapping[str, Rule],
    links: ArchiveLinks,
) -> None:
    rules_key = hashlib.sha256(repr(sorted(rules.items())).encode()).hexdigest()
    known = _page_keys(old)
    keys: dict[str, str] = {}
    changed: list[DisclosureHeader] = []
    for header in headers:
        name = page_name(header.disclosure.disclosure_id)
        keys[name] = _page_key(header, rules_key, links)
        if known.get(name) != keys[name] or not _reuse(old, folder, name):
            changed.append(header)
    for chunk in _chunks(changed, _CHUNK):
        for record in records.load_records(session, chunk):
            disclosure_id = record.header.disclosure.disclosure_id
            view = disclosure_view(record, rules, links)
            _render(
                folder / "disclosures",
                page_name(disclosure_id),
                "disclosure.html.j2",
                1,
                view=view,
                disclosure=view.header.disclosure,
                judgement=view.header.judgement,
            )
    (folder / _PAGE_KEYS).write_text(json.dumps(keys, indent=0), encoding="utf-8")


def _page_keys(site: Path) -> dict[str, str]:
    try:
        keys = json.loads((site / _PAGE_KEYS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return keys if isinstance(keys, dict) else {}


def _reuse(old: Path, folder: Path, name: str) -> bool:
    """Take a page over from the old site. Pages are never changed in place, so a hard link does."""
    source, target = old / "disclosures" / name, folder / "disclosures" / name
    try:
        os.link(source, target)
    except FileNotFoundError:
        return False
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
    return True


def _chunks(headers: Iterable[DisclosureHeader], size: int) -> Iterator[list[DisclosureHeader]]:
    remaining = iter(headers)
    while chunk := list(islice(remaining, size)):
        yield chunk


# -- index ---------------------------------------------------------------------------------------


def _write_index(
    session: Session,
    engine: Engine,
    folder: Path,
    headers: Sequence[DisclosureHeader],
    links: ArchiveLinks,
    built_at: datetime,
) -> None:
    tallies = records.load_tallies(session)
    unjudged = records.load_unjudged(session, engine)
    titles = Counter(map(_title, headers))
    rows = [
        _disclosure_row(
            header,
            tallies.get(header.disclosure.disclosure_id, Tally()),
            ambiguous=titles[_title(header)] > 1,
        )
        for header in headers
    ]
    order = {kind: place for place, kind in enumerate(wording.UNJUDGED)}
    unjudged.sort(key=lambda one: order[one.kind])
    documents = [_document_row(one, links) for one in unjudged]
    runs = records.load_runs(session, limit=_RUNS_SHOWN)
    data = f"window.juesuan={script_json({'disclosures': rows, 'documents': documents})};\n"
    (folder / "assets" / "data.js").write_text(data, encoding="utf-8")
    shared = {
        "built_at": local_time(built_at),
        "rows": rows,
        "documents": documents,
        "summary": _summary(headers, tallies, unjudged),
        "last_run": runs[0] if runs else None,
        "failed_sites": _failed_sites(runs),
        "words": wording,
        "word": wording.word,
    }
    _render(folder, "index.html", "index.html.j2", 0, **shared)
    _render(folder, "list.html", "list.html.j2", 0, **shared)


def _title(header: DisclosureHeader) -> tuple[str | None, str, int | None]:
    return (header.disclosure.region, header.disclosure.agency, header.disclosure.year)


def _grade(judgement: CoreJudgement | None) -> str:
    if judgement is None:
        return "未评判"
    return "未评分" if judgement.grade == NO_GRADE else judgement.grade


def _disclosure_row(header: DisclosureHeader, tally: Tally, *, ambiguous: bool) -> list[object]:
    """One row of the index as its script reads it; positions are named in ``index.js``.

    File names tell disclosures apart that would look the same.
    """
    disclosure, judgement = header.disclosure, header.judgement
    return [
        page_name(disclosure.disclosure_id),
        disclosure.agency,
        disclosure.region or "",
        disclosure.year or "",
        _grade(judgement),
        one_decimal(judgement.score) if judgement else "",
        one_decimal(judgement.coverage) if judgement else "",
        tally.errors,
        tally.warnings,
        tally.unsure,
        disclosure.published_on or "",
        disclosure.site or "",
        "、".join(part.document.file_name or "" for part in header.parts) if ambiguous else "",
    ]


def _document_row(one: Unjudged, links: ArchiveLinks) -> list[object]:
    reason = one.reason or wording.word(wording.UNJUDGED_REASONS, one.kind)
    href = links.href(one.archived_as, folder="") if one.archived_as else None
    return [
        wording.UNJUDGED[one.kind],
        reason,
        one.name,
        one.agency,
        one.year or "",
        one.site,
        web_url(one.url) or "",
        href or "",
        local_time(one.seen_at),
        one.url or "",
    ]


def _failed_sites(runs: Sequence[RawRun]) -> list[tuple[str, str]]:
    """Sites whose crawl did not count in the latest run that crawled, with the reason."""
    crawls = (run.summary["failed_sites"] for run in runs if "failed_sites" in (run.summary or {}))
    failed = next(crawls, None)
    if isinstance(failed, Mapping):
        return sorted((str(site), str(reason)) for site, reason in failed.items())
    return [(str(site), "") for site in failed] if isinstance(failed, list) else []


def _summary(
    headers: Sequence[DisclosureHeader], tallies: Mapping[str, Tally], unjudged: Sequence[Unjudged]
) -> dict[str, object]:
    judged = [header for header in headers if header.judgement]
    coverages = [
        coverage
        for header in judged
        if header.judgement and (coverage := decimal_of(header.judgement.coverage)) is not None
    ]
    grades = Counter(_grade(header.judgement) for header in judged)
    best_first = _grades_by_score(judged)
    return {
        "disclosures": len(headers),
        "judged": len(judged),
        "agencies": len({(h.disclosure.region, h.disclosure.agency) for h in headers}),
        "years": sorted({h.disclosure.year for h in headers if h.disclosure.year}),
        "grades": [(grade, grades[grade]) for grade in best_first],
        "errors": sum(tally.errors for tally in tallies.values()),
        "with_errors": sum(bool(tally.errors) for tally in tallies.values()),
        "warnings": sum(tally.warnings for tally in tallies.values()),
        "unsure": sum(tally.unsure for tally in tallies.values()),
        "coverage": f"{sum(coverages) / len(coverages):.1f}" if coverages else "",
        "unjudged": Counter(one.kind for one in unjudged),
        "unjudged_total": len(unjudged),
    }


def _grades_by_score(judged: Sequence[DisclosureHeader]) -> list[str]:
    """Grades, best first, ordered by the best score that earned each."""
    best: dict[str, float] = {}
    for header in judged:
        assert header.judgement is not None
        score = decimal_of(header.judgement.score)
        grade = _grade(header.judgement)
        best[grade] = max(best.get(grade, -1.0), -1.0 if score is None else float(score))
    return sorted(best, key=lambda grade: -best[grade])


# -- validations and rules -----------------------------------------------------------------------


def _suite_title(name: str) -> str:
    """Chinese for ``within_forms.code``: the suite's own title and what a row stands for."""
    suite, _, grain = name.partition(".")
    titles = {one.name: one.title for one in load_catalogue().suites}
    grain_words = wording.GRAINS.get(grain, grain)
    return titles.get(suite, suite) + (f"（{grain_words}）" if grain_words else "")


def _validation_page(one: OutValidation) -> str:
    key = "\0".join((one.run_id, one.suite, one.batch))
    return f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.html"


def _write_validations(session: Session, folder: Path, rules: Mapping[str, Rule]) -> None:
    shown, older = records.load_validations(session, runs=_RUNS_SHOWN)
    runs = records.load_runs(session, limit=_RUNS_SHOWN)
    listed = {run.run_id: run for run in runs}
    for run_id in {one.run_id for one in shown} - set(listed):
        if run := session.get(RawRun, run_id):
            listed[run_id] = run
    by_run: dict[str, list[tuple[OutValidation, str, dict[str, int]]]] = {
        run_id: [] for run_id in listed
    }
    for one in shown:
        results = records.as_mappings(one.results)
        totals = {
            "expectations": len(results),
            "unexpected": sum(1 for result in results if result.get("unexpected")),
            "exceptions": sum(1 for result in results if result.get("exception")),
        }
        by_run.setdefault(one.run_id, []).append((one, _validation_page(one), totals))
        _render(
            folder / "validations",
            _validation_page(one),
            "validation.html.j2",
            1,
            one=one,
            run=listed.get(one.run_id),
            results=results,
            rules=rules,
            totals=totals,
            words=wording,
            word=wording.word,
            suite_title=_suite_title,
        )
    ordered = sorted(listed.values(), key=lambda run: run.started_at, reverse=True)
    _render(
        folder,
        "validations.html",
        "validations.html.j2",
        0,
        runs=ordered,
        by_run=by_run,
        older=older,
        suite_title=_suite_title,
        words=wording,
        word=wording.word,
    )


def _write_rules(session: Session, folder: Path, rules: Mapping[str, Rule]) -> None:
    _render(
        folder,
        "rules.html",
        "rules.html.j2",
        0,
        rules=list(rules.values()),
        counts=records.load_rule_counts(session),
    )
