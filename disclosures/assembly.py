"""Which documents make one disclosure, and which document each form is taken from.

A department publishes its accounts as one PDF, as a narrative and a workbook of tables, or twice
in different formats. Everything here is pure: the same documents in any order give the same
disclosures.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

from disclosures.amounts import MoneyUnit
from disclosures.forms import squeeze
from disclosures.model import DocumentKind, Reading

#: Stands where no document of a disclosure names its department.
UNKNOWN_AGENCY: Final = "（未识别部门）"

_MONEY: Final = frozenset(unit.value for unit in MoneyUnit)
_STATED_KEPT: Final = 24
#: A department's accounts are those of all its units.
_OF_ALL: Final = re.compile(r"[(（](?:汇总|部门)[)）]$")


class Role(StrEnum):
    """What a document is to its disclosure."""

    MAIN = "main"  # forms are taken from it, and it has the narrative
    TABLES = "tables"  # forms are taken from it, the narrative is elsewhere or missing
    NARRATIVE = "narrative"  # text without forms that are taken
    PERFORMANCE = "performance"  # only its performance self-evaluations are taken
    ALTERNATE = "alternate"  # the same accounts once more, in another format or place


@dataclass(frozen=True, slots=True)
class FormSummary:
    """One form of one document, as much as the choice between documents needs.

    ``suspect`` counts the cells that readers disagree on; ``peak_wan`` is the largest absolute
    amount, in practice the form's grand total, by which two prints of one form know each other.
    """

    form: str
    cells: int
    suspect: int
    complete: bool = True
    declared_empty: bool = False
    peak_wan: Decimal | None = None


@dataclass(frozen=True, slots=True)
class DocumentReading:
    """One read document with the place where it was published.

    ``found_on`` is the article (or, for local files, whatever holds files together: the folder);
    ``order`` is its place there. ``digest`` covers all that was read; ``stated_wan`` are the
    largest amounts of the narrative.
    ``last_seen`` is when the last crawl that found it began (ISO 8601, UTC).
    """

    sha256: str
    reader_version: str
    digest: str
    kind: DocumentKind
    media_type: str
    agency: str | None = None
    year: int | None = None
    forms: tuple[FormSummary, ...] = ()
    statements: int = 0
    performance: int = 0
    stated_wan: frozenset[Decimal] = frozenset()
    site: str | None = None
    region: str | None = None
    region_code: str | None = None
    url: str | None = None
    found_on: str | None = None
    published_on: str | None = None
    last_seen: str | None = None
    order: int = 0

    @property
    def recency(self) -> tuple[str, str]:
        """Greater is newer: by publication, then by the last crawl that found the document."""
        return self.published_on or "", self.last_seen or ""

    @classmethod
    def of(
        cls,
        reading: Reading,
        *,
        reader_version: str,
        site: str | None = None,
        region: str | None = None,
        region_code: str | None = None,
        url: str | None = None,
        found_on: str | None = None,
        published_on: str | None = None,
        order: int = 0,
    ) -> DocumentReading:
        """Sum a reading up; where it was published is the caller's knowledge."""
        return cls(
            sha256=reading.sha256,
            reader_version=reader_version,
            digest=reading_digest(reading),
            kind=reading.kind,
            media_type=reading.media_type,
            agency=reading.agency,
            year=reading.year,
            forms=summarise_forms(reading),
            statements=len(reading.statements),
            performance=len(reading.performance),
            stated_wan=largest_stated(reading),
            site=site,
            region=region,
            region_code=region_code,
            url=url,
            found_on=found_on,
            published_on=published_on,
            order=order,
        )


@dataclass(frozen=True, slots=True)
class DisclosureDocument:
    """A document's part in a disclosure. ``narrative`` marks the one whose statements count."""

    sha256: str
    reader_version: str
    role: Role
    forms: tuple[str, ...] = ()
    narrative: bool = False


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One department's accounts for one year. ``documents`` begins with the main document.

    ``disclosure_id`` stays the same from night to night; ``version`` changes whenever a document
    or what was read of it changes.
    """

    disclosure_id: str
    agency: str
    year: int | None
    documents: tuple[DisclosureDocument, ...]
    version: str
    site: str | None = None
    region: str | None = None
    region_code: str | None = None
    published_on: str | None = None

    @property
    def main(self) -> DisclosureDocument:
        return self.documents[0]

    @property
    def agency_as_read(self) -> str | None:
        """The department, or None if no document names it."""
        return None if self.agency == UNKNOWN_AGENCY else self.agency

    @property
    def forms(self) -> tuple[str, ...]:
        """Forms that the disclosure has, in the central order."""
        return tuple(sorted({form for part in self.documents for form in part.forms}))


def reading_digest(reading: Reading) -> str:
    """Hash of all that was read; the time it took and further disclosures of the same file are
    not part of it."""
    readers = dict(sorted(reading.readers.items()))
    content = repr(replace(reading, seconds=0.0, readers=readers, further=()))
    return hashlib.sha256(content.encode("utf-8", "backslashreplace")).hexdigest()


def summarise_forms(reading: Reading) -> tuple[FormSummary, ...]:
    """The forms of a reading in the central order."""
    cells: dict[str, int] = defaultdict(int)
    suspect: dict[str, int] = defaultdict(int)
    peaks: dict[str, Decimal] = {}
    for fact in reading.facts:
        if not fact.agreed:
            suspect[fact.form] += 1
        if fact.amount_wan is None:
            continue
        cells[fact.form] += 1
        peaks[fact.form] = max(peaks.get(fact.form, Decimal(0)), abs(fact.amount_wan))
    summaries: dict[str, FormSummary] = {}
    for form in reading.forms:
        earlier = summaries.get(form.form)
        summaries[form.form] = FormSummary(
            form=form.form,
            cells=cells[form.form],
            suspect=suspect[form.form],
            complete=form.complete and (earlier is None or earlier.complete),
            declared_empty=form.declared_empty,
            peak_wan=peaks.get(form.form),
        )
    return tuple(summaries[key] for key in sorted(summaries))


def largest_stated(reading: Reading) -> frozenset[Decimal]:
    """The largest amounts that the narrative states, in 万元: the totals are among them."""
    amounts = set()
    for statement in reading.statements:
        stated = statement.value
        if statement.measure == "amount" and stated is not None and statement.unit in _MONEY:
            amounts.add(abs(MoneyUnit(statement.unit).to_wan(stated)))
    return frozenset(sorted(amounts, reverse=True)[:_STATED_KEPT])


def assemble(
    documents: Sequence[DocumentReading], *, alternates: Literal["merge", "separate"]
) -> list[Disclosure]:
    """Make disclosures of documents, in the order of site, year, department.

    1. Only final accounts take part; performance files join what is there, or nothing.
    2. Documents of one site with the same department and year belong together; a document that
       lacks its department or year belongs to the only accounts of its article that it can
       belong to, unless the totals of its forms are not those that the narrative states.
    3. ``merge``: two documents with the same forms are one disclosure if their figures show it
       (a PDF and its Word original), else two: a department and its own office share their name.
       ``separate``: two documents with the same forms always stay two disclosures.
    4. Each form is taken from one document: complete before cut, filled before empty, newest
       article first, what the last crawl found before what is gone, agreed by two readers before
       suspect, then PDF, Excel, Word, HTML, text.
    """
    by_hash: dict[tuple[str | None, str], DocumentReading] = {}
    for document in sorted(documents, key=_published_order):
        by_hash.setdefault((document.site, document.sha256), document)
    accounts = [d for d in by_hash.values() if d.kind is DocumentKind.FINAL_ACCOUNTS]
    performances = [d for d in by_hash.values() if d.kind is DocumentKind.PERFORMANCE]

    drafts: list[_Draft] = []
    sites: dict[str | None, list[DocumentReading]] = defaultdict(list)
    for document in accounts:
        sites[document.site].append(document)
    for ours in sites.values():
        for group in _groups(ours):
            drafts += _split(group, merge=alternates == "merge")
    for document in performances:
        _attach(document, drafts)
    return sorted(
        (disclosure for disclosure in _identified(drafts, alternates == "separate")),
        key=lambda d: (d.site or "", d.year or 0, d.agency, d.disclosure_id),
    )


# From here on: how it is done.

#: Fewer stated amounts than this prove nothing about whose narrative it is.
_STATED_ENOUGH: Final = 3
#: A form in 元 and a narrative in 万元 print the same amount this far apart at most.
_PRINTED_ALIKE_WAN: Final = Decimal("0.005")

_FORMATS: Final = ("pdf", "sheet", "excel", "word", "html", "text/plain")


def _format_rank(media_type: str) -> int:
    for rank, mark in enumerate(_FORMATS):
        if mark in media_type:
            return rank
    return len(_FORMATS)


def _published_order(document: DocumentReading) -> tuple[str, str, int, str, str]:
    return (
        document.published_on or "",
        document.found_on or "",
        document.order,
        document.url or "",
        document.sha256,
    )


class _Draft:
    """Documents that are one disclosure, before roles are given."""

    def __init__(self, documents: Iterable[DocumentReading]) -> None:
        self.documents = list(documents)
        self.performances: list[DocumentReading] = []

    @property
    def site(self) -> str | None:
        return self.documents[0].site

    @property
    def agency(self) -> str | None:
        # The longest spelling: an article's attachments may leave the region's name out.
        names = [squeeze(d.agency) for d in self.documents if d.agency]
        return max(names, key=lambda name: (len(name), name), default=None)

    @property
    def year(self) -> int | None:
        return next((d.year for d in self.documents if d.year is not None), None)

    @property
    def places(self) -> set[str]:
        return set().union(*(_places(d) for d in self.documents))


def _same_agency(one: str | None, other: str | None) -> bool:
    """Whether two names within one article can be the same department's (历下区财政局 and
    济南市历下区财政局)."""
    if one is None or other is None:
        return True
    one, other = _OF_ALL.sub("", squeeze(one)), _OF_ALL.sub("", squeeze(other))
    return one.endswith(other) or other.endswith(one)


def _fits(document: DocumentReading, group: Sequence[DocumentReading]) -> bool:
    return all(
        _same_agency(document.agency, member.agency)
        and (document.year is None or member.year is None or document.year == member.year)
        for member in group
    )


def _groups(documents: Sequence[DocumentReading]) -> list[list[DocumentReading]]:
    """Documents of one site by department and year; strays join within their article."""
    named: dict[tuple[str, int], list[DocumentReading]] = {}
    strays: list[DocumentReading] = []
    for document in documents:
        if document.agency and document.year is not None:
            named.setdefault((squeeze(document.agency), document.year), []).append(document)
        else:
            strays.append(document)
    groups = _joined_spellings(list(named.values()))
    # Two strays of one article may complete each other (a title page here, a year there), and a
    # group that they have made may take further ones.
    loose: list[list[DocumentReading]] = []
    for stray in strays:
        hosts = [
            g for g in groups if _shares_article(stray, g) and _fits(stray, g) and _ties(stray, g)
        ]
        free = [g for g in hosts if not _overlap([stray], g)]
        if len(free) == 1:
            free[0].append(stray)
        elif len(hosts) == 1:
            hosts[0].append(stray)
        else:
            loose.append([stray])
    merged: list[list[DocumentReading]] = []
    for group in loose:
        hosts = [
            g
            for g in merged
            if any(_shares_article(d, g) for d in group)
            and all(_fits(d, g) and _ties(d, g) for d in group)
            and not _overlap(group, g)
        ]
        if len(hosts) == 1:
            hosts[0].extend(group)
        else:
            merged.append(group)
    return groups + merged


def _joined_spellings(groups: list[list[DocumentReading]]) -> list[list[DocumentReading]]:
    """Join groups whose departments differ by a leading region name within one article, where
    the parts complete each other or carry the same figures."""
    joined: list[list[DocumentReading]] = []
    for group in groups:
        hosts = [
            g
            for g in joined
            if any(_shares_article(d, g) for d in group)
            and all(_fits(d, g) for d in group)
            and (not _overlap(group, g) or _same_figures(group, g))
        ]
        if len(hosts) == 1:
            hosts[0].extend(group)
        else:
            joined.append(group)
    return joined


def _places(document: DocumentReading) -> set[str]:
    """The article of a document, and itself: an article may be the narrative of its workbook."""
    return {place for place in (document.found_on, document.url) if place}


def _shares_article(document: DocumentReading, group: Sequence[DocumentReading]) -> bool:
    return any(_places(document) & _places(member) for member in group)


def _ties(document: DocumentReading, group: Sequence[DocumentReading]) -> bool:
    """Whether narrative and tables can belong together: one of the grand totals is stated, or
    there is nothing to compare."""
    return all(
        _stated(narrative, tables)
        for narrative, tables in [(document, m) for m in group] + [(m, document) for m in group]
    )


def _stated(narrative: DocumentReading, tables: DocumentReading) -> bool:
    peaks = [form.peak_wan for form in tables.forms if form.peak_wan]
    if not peaks or len(narrative.stated_wan) < _STATED_ENOUGH:
        return True
    return any(
        abs(peak - stated) <= _PRINTED_ALIKE_WAN
        for peak in peaks
        for stated in narrative.stated_wan
    )


def _filled(documents: Iterable[DocumentReading]) -> dict[str, set[Decimal]]:
    peaks: dict[str, set[Decimal]] = defaultdict(set)
    for document in documents:
        for form in document.forms:
            if form.peak_wan:  # empty forms are alike in every department
                peaks[form.form].add(form.peak_wan)
    return peaks


def _overlap(one: Iterable[DocumentReading], other: Iterable[DocumentReading]) -> set[str]:
    return {form.form for d in one for form in d.forms} & {
        form.form for d in other for form in d.forms
    }


def _same_figures(one: Iterable[DocumentReading], other: Iterable[DocumentReading]) -> bool:
    """Whether the forms that both have show the same grand totals, for the most part: a single
    total may be misread, or corrected between the two."""
    ours, theirs = _filled(one), _filled(other)
    shared = set(ours) & set(theirs)
    equal = sum(1 for form in shared if ours[form] & theirs[form])
    return not shared or 2 * equal >= len(shared)


def _split(group: Sequence[DocumentReading], *, merge: bool) -> list[_Draft]:
    """One draft per set of accounts within a group of equal department and year."""
    drafts: list[_Draft] = []
    with_forms = [d for d in group if d.forms]
    # The richest documents found drafts first, so that a part finds the whole that it belongs to.
    for document in sorted(with_forms, key=lambda d: (-len(d.forms), *_published_order(d))):
        if merge:
            hosts = [
                draft
                for draft in drafts
                if not _overlap([document], draft.documents)
                or _same_figures([document], draft.documents)
            ]
        else:
            hosts = [draft for draft in drafts if not _overlap([document], draft.documents)]
        host = _host(document, hosts)
        if host is None:
            drafts.append(_Draft([document]))
        else:
            host.documents.append(document)
    for document in (d for d in group if not d.forms):
        candidates = drafts
        if not merge:
            # Two narratives of the same accounts are two local files, not one.
            candidates = [d for d in drafts if not any(m.statements for m in d.documents)]
        host = _host(document, candidates)
        if host is None:
            drafts.append(_Draft([document]))
        else:
            host.documents.append(document)
    return drafts


def _host(document: DocumentReading, drafts: Sequence[_Draft]) -> _Draft | None:
    """The draft that a document joins: the only one of its article, else the only one."""
    near = [d for d in drafts if _places(document) & d.places]
    for candidates in (near, drafts):
        if len(candidates) == 1:
            return candidates[0]
    return None


def _attach(document: DocumentReading, drafts: Sequence[_Draft]) -> None:
    """Give a performance file to the accounts that it reports on, if there is no doubt. Lying in
    one folder says less than hanging on one article: there the department must be named."""
    if document.site is None and document.agency is None:
        return
    ours = [d for d in drafts if d.site == document.site and _fits(document, d.documents)]
    near = [d for d in ours if _places(document) & d.places]
    if not near and document.agency and document.year is not None:
        name = squeeze(document.agency)
        near = [d for d in ours if d.agency == name and d.year == document.year]
    if len(near) == 1:
        near[0].performances.append(document)


def _identified(drafts: Sequence[_Draft], separate: bool) -> list[Disclosure]:
    """Give every draft its id. The plain id (site, department, year) goes to the first published;
    whatever shares it is told apart by its address, or by its content where it has none."""
    taken: set[str] = set()
    disclosures = []
    ordered = sorted(drafts, key=lambda d: min(_published_order(m) for m in d.documents))
    for draft in ordered:
        lead = min(draft.documents, key=_published_order)
        name = draft.agency
        parts = [draft.site or "", name or "", str(draft.year or "")]
        if name is None or draft.year is None:
            parts.append(lead.found_on or lead.url or lead.sha256)
        if separate:
            parts += sorted(d.sha256 for d in draft.documents)
        identifier = _hash(parts)
        if identifier in taken:
            parts.append(lead.url or lead.sha256)
            identifier = _hash(parts)
        if identifier in taken:
            identifier = _hash([*parts, lead.sha256])
        taken.add(identifier)
        disclosures.append(_finished(draft, identifier))
    return disclosures


def _finished(draft: _Draft, identifier: str) -> Disclosure:
    chosen = _chosen_forms(draft.documents)
    narrative = _narrative(draft.documents)
    parts: list[DisclosureDocument] = []
    for document in draft.documents:
        forms = tuple(sorted(form for form, sha256 in chosen.items() if sha256 == document.sha256))
        told = document.sha256 == narrative
        if forms:
            role = Role.MAIN if told else Role.TABLES
        elif told or not (document.forms or document.statements):
            role = Role.NARRATIVE
        else:
            role = Role.ALTERNATE
        parts.append(
            DisclosureDocument(document.sha256, document.reader_version, role, forms, told)
        )
    parts += [
        DisclosureDocument(d.sha256, d.reader_version, Role.PERFORMANCE) for d in draft.performances
    ]
    ranks = list(Role)
    # A narrative beside its workbook comes first: people open it first.
    order = {Role.MAIN: 0, Role.NARRATIVE: 1, Role.TABLES: 2}
    parts.sort(
        key=lambda p: (
            order.get(p.role, 3 + ranks.index(p.role)),
            not p.narrative,
            -len(p.forms),
            p.sha256,
        )
    )
    members = [*draft.documents, *draft.performances]
    digests: Mapping[str, str] = {d.sha256: d.digest for d in members}
    version = _hash(
        f"{p.sha256} {p.reader_version} {digests[p.sha256]} {p.role} {p.narrative} {p.forms}"
        for p in parts
    )
    dated = sorted(d.published_on for d in draft.documents if d.published_on)
    # The region goes with the name: a portal may serve departments of several regions.
    namer = next(
        (d for d in draft.documents if d.agency and squeeze(d.agency) == draft.agency),
        draft.documents[0],
    )
    return Disclosure(
        disclosure_id=identifier,
        agency=draft.agency or UNKNOWN_AGENCY,
        year=draft.year,
        documents=tuple(parts),
        version=version,
        site=draft.site,
        region=namer.region,
        region_code=namer.region_code,
        published_on=dated[0] if dated else None,
    )


def _chosen_forms(documents: Sequence[DocumentReading]) -> dict[str, str]:
    """The document (by hash) from which each form is taken."""
    newest_first = sorted({d.recency for d in documents}, reverse=True)
    candidates: dict[str, list[tuple[tuple[object, ...], str]]] = defaultdict(list)
    for document in documents:
        for form in document.forms:
            preference = (
                not form.complete,
                form.cells == 0,
                newest_first.index(document.recency),
                form.suspect > 0,
                _format_rank(document.media_type),
                document.order,
                document.sha256,
            )
            candidates[form.form].append((preference, document.sha256))
    return {form: min(ranked)[1] for form, ranked in candidates.items()}


def _narrative(documents: Sequence[DocumentReading]) -> str | None:
    """The one document whose statements count: a full narrative, the newest, as PDF if there is
    one. The notes below a workbook's tables are statements, too, but not the narrative."""
    most = max((d.statements for d in documents), default=0)
    if most == 0:
        return None
    full = [d for d in documents if 2 * d.statements >= most]
    newest = max(d.recency for d in full)
    latest = [d for d in full if d.recency == newest]
    return min(latest, key=lambda d: (_format_rank(d.media_type), d.order, d.sha256)).sha256


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
