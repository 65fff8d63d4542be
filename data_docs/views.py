"""View models: what a page says, computed before any template runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from data_docs.html import ArchiveLinks, anchor, decimal_of, money, one_decimal, trimmed
from data_docs.layout import CellKey, FactCell, FormTable, Mark, lay_out
from data_docs.records import (
    Address,
    DisclosureHeader,
    DisclosureRecord,
    DocumentPart,
    as_mappings,
)
from data_docs.wording import (
    APART,
    DOCUMENT_ROLES,
    MEASURES,
    PERFORMANCE_TABLES,
    ROLES,
    SEVERITIES,
    SEVERITY_NOTES,
    SIDES,
    STANDINGS,
    STATES,
    SURENESS,
    word,
)
from disclosures.forms import forms
from disclosures.model import Side
from disclosures.verdicts import State
from expectations.scoring import NO_GRADE
from expectations.wording import Fold, folded
from warehouse.locations import Standing
from warehouse.schema import CoreCause, CoreFinding, CoreJudgement, RawDocument

PASSED: Final = (State.EXACT, State.WITHIN_ROUNDING)
UNSURE: Final = (State.NOT_EVALUABLE, State.EXTRACTION_SUSPECT, State.ERROR)
_LEVELS: Final = ("error", "warn", "unsure", "info")
#: A sum with more figures than this is shown in the table of figures only.
_TERMS_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the catalogue as pages show it; empty strings where a rule is unknown."""

    id: str
    title: str
    equation: str
    severity: str
    dimension: str
    basis: str
    version: str
    forms: tuple[str, ...]
    weight: str
    innocent: str = ""
    #: The clauses under which it does not apply, in the order of their numbers.
    not_applicable: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Rule:
        def text(key: str) -> str:
            value = row.get(key)
            if isinstance(value, (list, tuple)):
                return "；".join(str(part) for part in value)
            return "" if value is None else str(value)

        listed = row.get("forms") or ()
        return cls(
            id=text("id"),
            title=text("title"),
            equation=text("equation"),
            severity=text("severity"),
            dimension=text("dimension"),
            basis=text("basis"),
            version=text("version"),
            forms=(listed,) if isinstance(listed, str) else tuple(str(form) for form in listed),
            weight=text("weight"),
            innocent=text("innocent"),
            not_applicable=tuple(str(clause) for clause in row.get("not_applicable") or ()),
        )

    @property
    def anchor(self) -> str:
        return anchor("r-", self.id)

    @property
    def severity_word(self) -> str:
        return word(SEVERITIES, self.severity)


@dataclass(frozen=True, slots=True)
class Gone:
    """What became of a document where it was published."""

    what: str
    since: datetime
    reason: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class SourceView:
    """One document of a disclosure. ``href`` opens the archived file; ``is_pdf`` takes pages."""

    sha256: str
    label: str
    file_name: str
    media_type: str
    size_bytes: int
    role: str
    addresses: tuple[Address, ...]
    href: str | None
    archived_as: str
    problem: str | None
    is_pdf: bool
    pages: int
    forms: tuple[str, ...]
    readers: str
    notes: tuple[str, ...]
    document: RawDocument
    #: What became of it where it was published (Chinese), since when and where now; None while
    #: it is still there.
    gone: Gone | None

    def page_href(self, page: int | None) -> str | None:
        if self.href is None:
            return None
        return f"{self.href}#page={page}" if page and self.is_pdf else self.href


@dataclass(frozen=True, slots=True)
class PageLink:
    """Where a claim stands in its document."""

    label: str
    href: str | None
    is_pdf: bool


@dataclass(frozen=True, slots=True)
class OperandView:
    role: str
    name: str
    place: str
    text: str
    wan: str
    cell_id: str | None
    link: PageLink | None


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding with its figures. ``formula`` is printed only where it is arithmetically true."""

    anchor: str
    rule: Rule
    level: str
    severity_word: str
    state: str
    state_word: str
    subject: str
    form: str
    message: str
    innocent: str
    stated: str
    computed: str
    difference: str
    tolerance: str
    formula: str
    operands: tuple[OperandView, ...]
    link: PageLink | None
    quote: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FindingGroup:
    key: str
    title: str
    note: str
    findings: tuple[FindingView, ...]
    #: What several of them lack, with these; ``single`` are the others.
    folds: tuple[Fold[FindingView], ...] = ()
    single: tuple[FindingView, ...] = ()


@dataclass(frozen=True, slots=True)
class SuspectView:
    """A figure that may be wrong, what would repair it (万元) and what speaks for it."""

    operand: OperandView
    repair: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CauseView:
    """What one wrong figure explains. ``explains`` are the findings that it accounts for."""

    anchor: str
    state: str
    alternative: bool
    sureness: str
    message: str
    suspects: tuple[SuspectView, ...]
    explains: tuple[FindingView, ...]
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LossView:
    """A rule with failed checks: how many passed, and what of the dimension's 100 it cost."""

    rule: Rule
    passed: str
    evaluated: str
    lost: str
    finding: str | None


@dataclass(frozen=True, slots=True)
class DimensionView:
    """One dimension's points, and the rules that lost some of them."""

    title: str
    score: str
    weight: str
    evaluated: str
    passed: str
    points: str
    share_pct: str
    not_evaluated: str
    lost_to: tuple[LossView, ...]


@dataclass(frozen=True, slots=True)
class FormView:
    """One form in one document, or the note that it was not found (``table`` is None)."""

    key: str
    anchor: str
    title: str
    printed_title: str
    table: FormTable | None
    source: SourceView | None
    pages: tuple[PageLink, ...]
    declared_empty: bool
    complete: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NumberView:
    """One number of the narrative or of a performance form."""

    subject: str
    measure: str
    versus: str
    value: str
    unit: str
    quote: str
    link: PageLink | None


@dataclass(frozen=True, slots=True)
class NumberSection:
    title: str
    numbers: tuple[NumberView, ...]


@dataclass(frozen=True, slots=True)
class DisclosureView:
    header: DisclosureHeader
    sources: tuple[SourceView, ...]
    causes: tuple[CauseView, ...]
    groups: tuple[FindingGroup, ...]
    apart: tuple[FindingGroup, ...]
    counts: Mapping[str, int]
    passed: int
    evaluated: int
    unsure: int
    checks: tuple[tuple[str, int], ...]
    dimensions: tuple[DimensionView, ...]
    grade: str
    weighted: str
    weighted_differs: bool
    cap: str
    forms: tuple[FormView, ...]
    narrative: tuple[NumberSection, ...]
    performance: tuple[NumberSection, ...]
    outdated: str


@dataclass(slots=True)
class _Places:
    """Element ids of the cells that findings speak of, filled before the tables are laid out."""

    known: Mapping[tuple[str, CellKey], FactCell]
    #: Hashes of the documents in which a cell stands.
    by_key: Mapping[CellKey, Sequence[str]]
    ids: dict[tuple[str, CellKey], str] = field(default_factory=dict)
    #: Findings that speak of a cell, and whether the cell is what they call into question.
    said: dict[tuple[str, CellKey], list[tuple[FindingView, bool]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def locate(
        self, operand: Mapping[str, Any], fallback: str | None
    ) -> tuple[str, CellKey] | None:
        """The stored cell that an operand names, in its own document or the only one that fits."""
        key: CellKey = (
            str(operand.get("form") or ""),
            str(operand.get("side") or ""),
            str(operand.get("row") or ""),
            str(operand.get("column") or ""),
        )
        for sha256 in (operand.get("sha256"), fallback):
            if sha256 and (str(sha256), key) in self.known:
                return (str(sha256), key)
        fitting = self.by_key.get(key, ())
        return (fitting[0], key) if len(fitting) == 1 else None

    def cell_id(self, place: tuple[str, CellKey]) -> str:
        return self.ids.setdefault(place, f"c{len(self.ids) + 1}")


def source_views(parts: Sequence[DocumentPart], links: ArchiveLinks) -> tuple[SourceView, ...]:
    """The documents of a disclosure with their links."""
    views = []
    for number, part in enumerate(parts, start=1):
        document, reading = part.document, part.reading
        href = links.href(document.archived_as, folder="disclosures")
        problem = None
        if links.path(document.archived_as) is None:
            problem = "存档文件不在本机"
        elif href is None:
            problem = "存档的网页可能含有脚本，不从这里打开；请用文本编辑器查看，或打开来源网址"
        readers = reading.readers if reading else {}
        views.append(
            SourceView(
                sha256=part.sha256,
                label="原件" if len(parts) == 1 else f"原件{number}",
                file_name=document.file_name or "",
                media_type=document.media_type,
                size_bytes=document.size_bytes,
                role=word(DOCUMENT_ROLES, part.role),
                addresses=part.addresses,
                href=href,
                archived_as=document.archived_as,
                problem=problem,
                is_pdf=document.archived_as.lower().endswith(".pdf"),
                pages=reading.pages if reading else 0,
                forms=part.forms,
                readers="，".join(f"{name} {version}" for name, version in readers.items()),
                notes=tuple(str(note) for note in (reading.notes or ())) if reading else (),
                document=document,
                gone=_gone(part.standing),
            )
        )
    return tuple(views)


def _gone(standing: Standing | None) -> Gone | None:
    if standing is None or standing.state not in STANDINGS:
        return None
    what = word(STANDINGS, standing.state)
    return Gone(what, standing.since, standing.reason, standing.successor_url)


def page_link(
    source: SourceView | None, page: int | None, pages_named: bool = True
) -> PageLink | None:
    """A link such as 原件第5页; None where the document is unknown."""
    if source is None:
        return None
    shown = f"{source.label}第{page}页" if page else source.label
    return PageLink(shown if pages_named else f"第{page}页", source.page_href(page), source.is_pdf)


def disclosure_view(
    record: DisclosureRecord, rules: Mapping[str, Rule], links: ArchiveLinks
) -> DisclosureView:
    """Everything that the page of one disclosure says."""
    header = record.header
    judgement = header.judgement
    sources = source_views(header.parts, links)
    by_sha = {source.sha256: source for source in sources}
    forms_of = {part.sha256: frozenset(part.forms) for part in header.parts}
    taken = {
        (sha256, fact.key): fact
        for sha256, facts in record.facts.items()
        for fact in facts
        if fact.form in forms_of[sha256]
    }
    by_key: dict[CellKey, list[str]] = defaultdict(list)
    for sha256, key in taken:
        by_key[key].append(sha256)
    places = _Places(taken, by_key)
    ordered = sorted(record.findings, key=_finding_order)
    findings = [
        _finding_view(number, finding, rules, by_sha, places)
        for number, finding in enumerate(ordered, start=1)
    ]
    causes = tuple(_cause_view(cause, ordered, findings, by_sha, places) for cause in record.causes)
    groups = tuple(
        FindingGroup(severity, title, SEVERITY_NOTES[severity], found)
        for severity, title in SEVERITIES.items()
        if (found := tuple(f for f in findings if f.state == State.FAIL and f.level == severity))
    )
    apart = tuple(
        _apart(state, note, found)
        for state, note in APART.items()
        if (found := tuple(f for f in findings if f.state == state))
    )
    checks = {
        str(state): int(count) for state, count in (judgement.checks if judgement else {}).items()
    }
    passed = sum(checks.get(state, 0) for state in PASSED)
    dimensions, weighted = _dimensions(judgement, findings, rules)
    score = decimal_of(judgement.score) if judgement else None
    return DisclosureView(
        header=header,
        sources=sources,
        causes=causes,
        groups=groups,
        apart=apart,
        counts={group.key: len(group.findings) for group in (*groups, *apart)},
        passed=passed,
        evaluated=passed + checks.get(State.FAIL, 0),
        unsure=sum(checks.get(state, 0) for state in UNSURE),
        checks=tuple((word(STATES, state), count) for state, count in _in_order(checks)),
        dimensions=dimensions,
        grade=judgement.grade if judgement and judgement.grade != NO_GRADE else "",
        weighted="" if weighted is None else str(weighted.quantize(Decimal("0.01"))),
        # Each dimension and the total are rounded to one decimal when stored.
        weighted_differs=(
            weighted is not None and score is not None and abs(weighted - score) > Decimal("0.15")
        ),
        cap=_cap(judgement),
        forms=_form_views(record, sources, taken, _marks(places)),
        narrative=_narrative(record, by_sha),
        performance=_performance(record, by_sha),
        outdated=_outdated(header),
    )


def _apart(state: str, note: str, found: tuple[FindingView, ...]) -> FindingGroup:
    if state != State.NOT_EVALUABLE:
        return FindingGroup(state, STATES[state], note, found, single=found)
    folds, single = folded((finding, finding.message) for finding in found)
    return FindingGroup(state, STATES[state], note, found, tuple(folds), tuple(single))


def _outdated(header: DisclosureHeader) -> str:
    """What has changed since the judgement that stands (Chinese); empty where nothing has."""
    judgement, disclosure = header.judgement, header.disclosure
    if judgement is None:
        return ""
    if judgement.version != disclosure.version:
        return "文件或读取结果在这次评判之后有更新，下列结论针对较早的版本，尚待重新评判。"
    if judgement.context != disclosure.context:
        return "上年或所属单位的决算在这次评判之后有更新，与之比较的结论尚待重新评判。"
    return ""


def _in_order(checks: Mapping[str, int]) -> list[tuple[str, int]]:
    order = {state: place for place, state in enumerate(STATES)}
    return sorted(checks.items(), key=lambda entry: order.get(entry[0], len(order)))


def _finding_order(finding: CoreFinding) -> tuple[int, int, str, str, str]:
    states, severities = list(STATES), list(SEVERITIES)
    return (
        states.index(finding.state) if finding.state in states else len(states),
        severities.index(finding.severity) if finding.severity in severities else len(severities),
        finding.form or "99",
        finding.rule,
        finding.subject,
    )


def _finding_view(
    number: int,
    finding: CoreFinding,
    rules: Mapping[str, Rule],
    sources: Mapping[str, SourceView],
    places: _Places,
) -> FindingView:
    operands = as_mappings(finding.operands)
    located: list[tuple[str, CellKey] | None] = [None] * len(operands)
    if finding.state != State.NOT_APPLICABLE:
        located = [places.locate(operand, finding.sha256) for operand in operands]
    cells = tuple(dict.fromkeys(places.cell_id(place) for place in located if place))
    link = page_link(sources.get(finding.sha256 or ""), finding.page)
    quote = finding.quote or ""
    failed = finding.state == State.FAIL
    view = FindingView(
        anchor=f"f{number}",
        rule=_rule(rules, finding.rule),
        level=finding.severity if failed and finding.severity in SEVERITIES else "unsure",
        severity_word=word(SEVERITIES, finding.severity),
        state=finding.state,
        state_word=word(STATES, finding.state),
        subject=finding.subject,
        form=finding.form or "",
        message=finding.message,
        innocent=finding.innocent or "",
        stated=money(finding.stated_wan),
        computed=money(finding.computed_wan),
        difference=money(finding.difference_wan, sign=True),
        tolerance=money(finding.tolerance_wan),
        formula=sum_formula(operands, finding.stated_wan, finding.computed_wan),
        operands=tuple(
            _operand_view(operand, place, sources, places)
            for operand, place in zip(operands, located, strict=True)
        ),
        link=link,
        # A figure alone is no quotation; it stands among the operands.
        quote="" if quote in {operand.get("text") for operand in operands} else quote,
        cells=cells,
    )
    doubted = [operand.get("role") == "stated" for operand in operands]
    if not any(doubted):  # a comparison without a total doubts each of its figures
        doubted = [True] * len(operands)
    for place, in_question in zip(located, doubted, strict=True):
        if place:
            places.said[place].append((view, in_question))
    return view


def _cause_view(
    cause: CoreCause,
    records: Sequence[CoreFinding],
    findings: Sequence[FindingView],
    sources: Mapping[str, SourceView],
    places: _Places,
) -> CauseView:
    explains = {(rule, subject) for rule, subject in cause.explains}
    suspects = []
    cells = []
    for suspect in as_mappings(cause.suspects):
        (operand,) = as_mappings([suspect.get("operand")]) or [{}]
        place = places.locate(operand, None)
        if place:
            cells.append(places.cell_id(place))
        low, high = decimal_of(suspect.get("low_wan")), decimal_of(suspect.get("high_wan"))
        repair = money(decimal_of(suspect.get("repair_wan")))
        if low is None and high is not None:
            repair = f"{money(high)} 以下"
        elif high is None and low is not None:
            repair = f"{money(low)} 以上"
        suspects.append(
            SuspectView(
                operand=_operand_view(operand, place, sources, places),
                repair=repair,
                reasons=tuple(str(reason) for reason in suspect.get("reasons") or ()),
            )
        )
    return CauseView(
        anchor=f"cause{cause.ordinal}",
        state=cause.state,
        alternative=cause.option > 0,
        sureness=word(SURENESS, cause.sureness),
        message=cause.message,
        suspects=tuple(suspects),
        explains=tuple(
            view
            for record, view in zip(records, findings, strict=True)
            if (record.rule, record.subject) in explains
        ),
        cells=tuple(dict.fromkeys(cells[:1])),
    )


def _operand_view(
    operand: Mapping[str, Any],
    place: tuple[str, CellKey] | None,
    sources: Mapping[str, SourceView],
    places: _Places,
) -> OperandView:
    text = str(operand.get("text") or "").strip()
    if not text and place:
        text = places.known[place].text.strip()
    amount = decimal_of(operand.get("amount_wan"))
    wan = money(amount)
    if amount is not None and decimal_of(text.replace(",", "")) == amount:
        wan = ""
    page = operand.get("page")
    sha256 = str(operand.get("sha256") or (place[0] if place else ""))
    return OperandView(
        role=word(ROLES, operand.get("role") or ""),
        name=str(operand.get("name") or operand.get("row") or ""),
        place=_place_words(operand),
        text=text,
        wan=wan,
        cell_id=places.ids.get(place) if place else None,
        link=page_link(sources.get(sha256), page if isinstance(page, int) else None),
    )


def _place_words(operand: Mapping[str, Any]) -> str:
    key = str(operand.get("form") or "")
    form = forms().get(key)
    if form is None:
        return key or "文字说明"
    side = str(operand.get("side") or "")
    column = str(operand.get("column") or "")
    titles = _column_titles(key, side)
    parts = [f"{key}表", word(SIDES, side) if side else "", titles.get(column, column)]
    return " ".join(part for part in parts if part)


def _column_titles(form_key: str, side: str) -> Mapping[str, str]:
    form = forms()[form_key]
    two_sided = form.layout == "two_sided"
    if two_sided and side not in (Side.INCOME, Side.EXPENSE):
        return {}
    columns = form.columns_of(Side(side) if two_sided else None)
    if not form.groups:
        return {column.key: column.title for column in columns}
    return {
        f"{group.key}.{column.key}": f"{group.title} {column.title}"
        for group in form.groups
        for column in columns
    }


def sum_formula(
    operands: Sequence[Mapping[str, Any]], stated: Decimal | None, computed: Decimal | None
) -> str:
    """The equation with its figures, where it is a sum or difference; else an empty string.

    Identities may also be ratios or questions. A sum is written only when its terms do add up to
    the computed figure, so that no page states wrong arithmetic.
    """
    addends = [operand for operand in operands if operand.get("role", "addend") != "stated"]
    terms = [
        (
            str(operand.get("name") or operand.get("row") or ""),
            -amount if operand.get("role") == "subtrahend" else amount,
        )
        for operand in addends
        if (amount := decimal_of(operand.get("amount_wan")))
    ]
    if not terms or len(terms) > _TERMS_SHOWN or sum(amount for _, amount in terms) != computed:
        return ""
    written = ""
    for name, amount in terms:
        glue = (" − " if amount < 0 else " + ") if written else ("−" if amount < 0 else "")
        written += f"{glue}{name} {money(abs(amount))}"
    zeros = len(addends) - len(terms)
    rest = f"（另有 {zeros} 项为零或空白）" if zeros else ""
    total = f"{written} = {money(computed)}{rest}"
    if stated is None:
        return total
    name = next(
        (str(o.get("name") or o.get("row") or "") for o in operands if o.get("role") == "stated"),
        "",
    )
    relation = "=" if stated == computed else "≠"
    return f"{name or '印出的数'} {money(stated)} {relation} {total}"


def _marks(places: _Places) -> dict[str, dict[CellKey, Mark]]:
    marks: dict[str, dict[CellKey, Mark]] = defaultdict(dict)
    for (sha256, key), said in places.said.items():
        levels = [finding.level for finding, in_question in said if in_question]
        marks[sha256][key] = Mark(
            places.cell_id((sha256, key)),
            min(levels, key=_LEVELS.index) if levels else "part",
            tuple(dict.fromkeys(finding.anchor for finding, _ in said)),
        )
    return marks


def _form_views(
    record: DisclosureRecord,
    sources: Sequence[SourceView],
    taken: Mapping[tuple[str, CellKey], FactCell],
    marks: Mapping[str, Mapping[CellKey, Mark]],
) -> tuple[FormView, ...]:
    by_form: dict[tuple[str, str], list[FactCell]] = defaultdict(list)
    for (sha256, place), fact in taken.items():
        by_form[place[0], sha256].append(fact)
    readings: dict[tuple[str, str], Mapping[str, Any]] = {}
    for part in record.header.parts:
        for reading in as_mappings(part.reading.forms if part.reading else None):
            readings.setdefault((str(reading.get("form")), part.sha256), reading)
    views = []
    for key, form in forms().items():
        found = False
        for source in sources:
            facts = by_form.get((key, source.sha256), [])
            reading = readings.get((key, source.sha256), {})
            if key not in source.forms or not (facts or reading):
                continue
            anchor_name = f"form-{key}-{source.sha256[:8]}" if found else f"form-{key}"
            found = True
            table = lay_out(key, facts, marks.get(source.sha256, {})) if facts else None
            pages = reading.get("pages") or (table.pages if table else ())
            views.append(
                FormView(
                    key=key,
                    anchor=anchor_name,
                    title=form.title,
                    printed_title=str(reading.get("title") or ""),
                    table=table,
                    source=source,
                    pages=tuple(
                        link
                        for page in (pages or (None,))
                        if (
                            link := page_link(
                                source, page, pages_named=page is None or len(sources) > 1
                            )
                        )
                    ),
                    declared_empty=bool(reading.get("declared_empty")),
                    complete=bool(reading.get("complete", True)),
                    notes=tuple(str(note) for note in reading.get("notes") or ()),
                )
            )
        if not found:
            views.append(
                FormView(key, f"form-{key}", form.title, "", None, None, (), False, False, ())
            )
    return tuple(views)


def _rule(rules: Mapping[str, Rule], rule_id: str) -> Rule:
    return rules.get(rule_id) or Rule.of({"id": rule_id})


def _dimensions(
    judgement: CoreJudgement | None, findings: Sequence[FindingView], rules: Mapping[str, Rule]
) -> tuple[tuple[DimensionView, ...], Decimal | None]:
    """Rows of the score table and the weighted mean of the dimensions that were scored."""
    if judgement is None:
        return (), None
    rows = {
        str(title): entry
        for title, entry in judgement.dimensions.items()
        if isinstance(entry, Mapping)
    }
    scored = {
        title: (score, weight)
        for title, entry in rows.items()
        if (score := decimal_of(entry.get("score"))) is not None
        and (weight := decimal_of(entry.get("weight"))) is not None
    }
    failed: dict[str, str] = {}
    for finding in findings:
        if finding.state == State.FAIL:
            failed.setdefault(finding.rule.id, finding.anchor)
    weight_total = sum((weight for _, weight in scored.values()), Decimal(0))
    views = []
    for title, entry in rows.items():
        score, weight = scored.get(title, (None, None))
        points = ""
        if score is not None and weight is not None and weight_total:
            points = str((score * weight / weight_total).quantize(Decimal("0.01")))
        views.append(
            DimensionView(
                title=title,
                score=one_decimal(entry.get("score")),
                weight=trimmed(entry.get("weight")),
                evaluated=str(entry.get("evaluated", "")),
                passed=str(entry.get("passed", "")),
                points=points,
                share_pct="0"
                if score is None
                else str(int(max(min(score, Decimal(100)), Decimal(0)))),
                not_evaluated=str(entry.get("not_evaluated", "")),
                lost_to=tuple(
                    LossView(
                        rule=_rule(rules, str(loss.get("rule") or "")),
                        passed=str(loss.get("passed", "")),
                        evaluated=str(loss.get("evaluated", "")),
                        lost=trimmed(loss.get("lost_points")),
                        finding=failed.get(str(loss.get("rule"))),
                    )
                    for loss in as_mappings(entry.get("rules"))
                ),
            )
        )
    if not weight_total:
        return tuple(views), None
    weighted = sum((score * weight for score, weight in scored.values()), Decimal(0)) / weight_total
    return tuple(views), weighted


def _cap(judgement: CoreJudgement | None) -> str:
    """Why the grade is lower than the points alone would earn, as it was when it was judged; empty
    where it is not, and in judgements of before that was kept."""
    capped = judgement.capped if judgement else None
    if judgement is None or not capped or capped["earned"] == judgement.grade:
        return ""
    reasons = [cap["reason"] for cap in capped["caps"] if cap["best_grade"] == judgement.grade]
    return f"按得分为 {capped['earned']}；因{'、'.join(reasons)}，最高评为 {judgement.grade}"


def _narrative(
    record: DisclosureRecord, sources: Mapping[str, SourceView]
) -> tuple[NumberSection, ...]:
    sections: dict[str, list[NumberView]] = {}
    for part in record.header.parts:
        # An alternate repeats the words of the main document.
        for one in record.statements[part.sha256] if part.narrative else ():
            measure = word(MEASURES, one.measure)
            if one.direction:
                measure = f"{measure}（{one.direction}）"
            sections.setdefault(one.section or "未分节", []).append(
                NumberView(
                    subject=one.subject,
                    measure=measure,
                    versus=one.versus or "",
                    value=one.value,
                    unit=one.unit,
                    quote=one.quote,
                    link=page_link(sources.get(part.sha256), one.page),
                )
            )
    return _sections(sections)


def _performance(
    record: DisclosureRecord, sources: Mapping[str, SourceView]
) -> tuple[NumberSection, ...]:
    sections: dict[str, list[NumberView]] = {}
    for part in record.header.parts:
        for one in record.performance[part.sha256] if part.role != "alternate" else ():
            title = f"{word(PERFORMANCE_TABLES, one.table)} {one.project}".strip()
            sections.setdefault(title, []).append(
                NumberView(
                    subject=one.indicator,
                    measure=word(MEASURES, one.measure),
                    versus="",
                    value=one.value if one.value is not None else "",
                    unit=one.unit or "",
                    quote=one.text,
                    link=page_link(sources.get(part.sha256), one.page),
                )
            )
    return _sections(sections)


def _sections(sections: Mapping[str, Iterable[NumberView]]) -> tuple[NumberSection, ...]:
    return tuple(NumberSection(title, tuple(numbers)) for title, numbers in sections.items())
