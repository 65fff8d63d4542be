"""What is said of projects, against their performance forms."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Final

from disclosures.forms import squeeze
from warehouse.checks import SCALE, CheckRow, Evidence, Known, Span, closest, span_of
from warehouse.narrative_marts import NarrativeChecks
from warehouse.narratives import Narrative, Said
from warehouse.performance_forms import AMOUNTS, MEASURES, Entry, PerformanceForm, amount_or_blank
from warehouse.performance_shapes import Claim, ProjectsWithin, Quoted

_OF_PROJECTS: Final = re.compile(r"自评|评价|项目")
#: Shorter names of items (培训支出) are words that projects use too.
_LONG_NAME: Final = 6
_COMMON_WORDS: Final = re.compile(
    r"^\d{7}[-_—]?|20\d{2}年度?|专项|经费|资金|项目|费用|支出|工作|业务"
)
#: What is left of shorter names says nothing.
_SHORTEST_CORE: Final = 2


class ProjectChecks:
    """Checks of what is said of all projects of a disclosure, or of one, against their forms."""

    def __init__(self, forms: Sequence[PerformanceForm], narrative: NarrativeChecks) -> None:
        self.forms = forms
        self.narrative = narrative

    def rows(self, shape: Quoted | ProjectsWithin | Claim) -> list[CheckRow]:
        """All checks of one rule."""
        return [row for forms in self._by_disclosure for row in self._of(shape, forms)]

    def _of(
        self, shape: Quoted | ProjectsWithin | Claim, forms: list[PerformanceForm]
    ) -> Iterator[CheckRow]:
        if isinstance(shape, Quoted):
            return self._quoted(shape, forms)
        if isinstance(shape, ProjectsWithin):
            return self._within(shape, forms)
        return self._claims(shape, forms)

    @cached_property
    def _by_disclosure(self) -> list[list[PerformanceForm]]:
        of: dict[int, list[PerformanceForm]] = defaultdict(list)
        for form in self.forms:
            of[form.disclosure].append(form)
        return list(of.values())

    def _quoted(self, shape: Quoted, forms: list[PerformanceForm]) -> Iterator[CheckRow]:
        disclosure = forms[0].disclosure
        narrative = self.narrative.narratives.get(disclosure)
        if narrative is None:
            return
        for one in self.narrative.picked(shape.pick, narrative):
            if shape.unit:
                own = [form for form in forms if form.table == "unit"]
            else:
                own = _of_name(one.subject, forms, narrative)
            if len(own) != 1:
                continue
            measures = _QUOTED[one.measure]
            said = MEASURES[measures[0]]
            row = CheckRow(disclosure, f"{one.subject}／{said}", one.unit, doubtful=own[0].doubtful)
            known: list[Known] = []
            for measure in measures:
                entry = own[0].value(measure)
                span = _span_as(entry, one.measure) if entry else None
                if entry and span:
                    known.append(Known(span, entry.evidence))
            if not known:
                yield row.unjudged(missing="自评表中没有相应的数字")
                continue
            best = closest(one.span, known)
            yield _claimed(row, one.span, best.span, one, best.evidence)

    def _within(self, shape: ProjectsWithin, forms: list[PerformanceForm]) -> Iterator[CheckRow]:
        disclosure = forms[0].disclosure
        projects = _projects(forms)
        if not projects:
            return
        terms = self.narrative.terms
        if not shape.by_item:
            known = terms.cell(f"{shape.form}.total.{shape.column}", disclosure)
            # Where the form is not at hand the text may say it.
            known = known or self.narrative.said(disclosure, "amount", shape.said)
            yield from self._sum_within("各项目", projects, known, disclosure)
            return
        of: dict[str, list[PerformanceForm]] = defaultdict(list)
        lines = {
            code: (name, known)
            for code, name, known in terms.items(shape.form, shape.column, disclosure)
        }
        for form in projects:
            name = squeeze(form.project)
            named = [
                code
                for code, (item, _) in lines.items()
                if code in name or (len(item) >= _LONG_NAME and item in name)
            ]
            if len(named) == 1:
                of[named[0]].append(form)
        for code, group in of.items():
            item, cell = lines[code]
            about = f"{code} {item}的各项目"
            yield from self._sum_within(about, group, [cell] if cell else [], disclosure)

    @staticmethod
    def _sum_within(
        about: str, projects: Sequence[PerformanceForm], known: Sequence[Known], disclosure: int
    ) -> Iterator[CheckRow]:
        row = CheckRow(
            disclosure, f"{about}／全年执行数", "万元", doubtful=any(f.doubtful for f in projects)
        )
        entries = [entry for form in projects if (entry := form.value("executed"))]
        amounts = [amount_or_blank(entry) for entry in entries]
        if not entries:
            return
        if not known or any(amount is None for amount in amounts):
            yield row.unjudged(missing="没有可以对照的项目支出，或有项目的执行数未能读出")
            return
        total = Span(0)
        for amount in amounts:
            assert amount is not None
            total = total.plus(amount)
        evidence = tuple(e.as_role("stated") for e in known[0].evidence)
        evidence += tuple(e for entry in entries for e in entry.evidence)
        yield CheckRow(
            disclosure, row.subject, row.unit, known[0].span, total, evidence, doubtful=row.doubtful
        )

    def _claims(self, shape: Claim, forms: list[PerformanceForm]) -> Iterator[CheckRow]:
        disclosure = forms[0].disclosure
        narrative = self.narrative.narratives.get(disclosure)
        said = self.narrative.picked(shape.pick, narrative) if narrative else []
        projects = _projects(forms)
        if not said or narrative is None or not projects:
            return
        doubtful = any(form.doubtful for form in projects)
        if shape.of == "lower":
            scored = [
                (entry.value, form.project, entry)
                for form in projects
                if (entry := form.value("score")) and entry.value is not None
            ]
            if scored:
                lowest, project, entry = min(scored, key=lambda x: x[0])
                for one in said:
                    row = CheckRow(disclosure, f"{one.subject}／最低得分", "分", doubtful=doubtful)
                    yield _claimed(row, span_of(lowest), one.span, one, entry.evidence, project)
            return
        if shape.of == "money":
            for one in said:
                yield from self._claimed_money(one, narrative, projects, doubtful)
            return
        # Claims that differ speak of different kinds of projects.
        if len({one.span.value for one in said}) > 1:
            return
        one, found = said[0], Span(len(projects) * SCALE)
        row = CheckRow(disclosure, f"{one.subject}／数量", "个", doubtful=doubtful)
        evidence = tuple(
            next(iter(line.cells.values())).evidence[0]
            for form in projects
            for line in form.lines[:1]
        )
        stated, computed = (one.span, found) if shape.of == "more" else (found, one.span)
        yield _claimed(row, stated, computed, one, evidence)

    @staticmethod
    def _claimed_money(
        one: Said, narrative: Narrative, projects: Sequence[PerformanceForm], doubtful: bool
    ) -> Iterator[CheckRow]:
        beside = [
            s
            for s in narrative.by_quote[one.quote]
            if s.measure == "count" and _OF_PROJECTS.search(s.subject)
        ]
        counts = {s.span.value for s in beside if s.subject == one.subject} or {
            s.span.value for s in beside
        }
        spent = re.search(r"(?:支出|执行|决算)[^,，。;；、\d]*$", one.lead)
        measures: tuple[str, ...] = AMOUNTS
        if one.measure == "amount" and spent:
            measures = ("executed",)
        if one.measure != "amount":
            measures = ("budget_full_year", "budget_initial")
        row = CheckRow(
            narrative.disclosure,
            f"{one.subject}／{MEASURES[measures[0]]}",
            one.unit,
            doubtful=doubtful,
        )
        if counts != {len(projects) * SCALE}:
            yield row.unjudged(clause="other_number")
            return
        sums: list[Known] = []
        for measure in measures:
            entries = [form.value(measure) for form in projects]
            amounts = [amount_or_blank(entry) for entry in entries]
            total = Span(0)
            evidence: tuple[Evidence, ...] = ()
            for entry, amount in zip(entries, amounts, strict=True):
                if entry is None or amount is None:
                    break
                total, evidence = total.plus(amount), (*evidence, *entry.evidence)
            else:
                sums.append(Known(total, evidence))
        if not sums:
            yield row.unjudged(missing="有项目的金额未能读出")
            return
        best = closest(one.span, sums)
        yield _claimed(row, one.span, best.span, one, best.evidence)


#: What of a form a measure of the narrative is.
_QUOTED: Final[Mapping[str, tuple[str, ...]]] = {
    "score": ("score",),
    "amount": ("executed",),
    "budget_full": ("budget_full_year", "budget_initial"),
    "budget_initial": ("budget_initial", "budget_full_year"),
    "completion": ("rate",),
}


def _of_name(
    subject: str, forms: Sequence[PerformanceForm], narrative: Narrative
) -> list[PerformanceForm]:
    """The forms that may be those of a project that the narrative names: of the same name, or of
    one that differs in common words only, where no other project that is named is so near."""
    of = [form for form in forms if form.table == "project"]
    exact = [form for form in of if squeeze(form.project) == _plain_name(subject)]
    if exact:
        return exact
    core = _core(_plain_name(subject))
    named = {s.subject for s in narrative.said if s.subject.endswith("（自评）")}
    if len(core) < _SHORTEST_CORE or sum(_core(_plain_name(n)) == core for n in named) > 1:
        return []
    return [form for form in of if _core(squeeze(form.project)) == core]


@lru_cache(maxsize=8192)
def _plain_name(subject: str) -> str:
    return squeeze(subject).removesuffix("(自评)")


@lru_cache(maxsize=8192)
def _core(name: str) -> str:
    """The name of a project without its code, year and the words that most names share."""
    return _COMMON_WORDS.sub("", name)


def _span_as(entry: Entry, measure: str) -> Span | None:
    """A figure of a form as the narrative would say it."""
    if measure == "score":
        return entry.points()
    if measure == "completion":
        return None if entry.value is None else span_of(entry.value, None, "%")
    known = entry.amount()
    return known.span if known else None


def _projects(forms: Sequence[PerformanceForm]) -> list[PerformanceForm]:
    """The projects that have a form each, else those of the summary; each once."""
    for table in ("project", "summary"):
        found = {squeeze(form.project): form for form in forms if form.table == table}
        if found:
            return list(found.values())
    return []


def _claimed(
    row: CheckRow,
    stated: Span,
    computed: Span,
    one: Said,
    evidence: Sequence[Evidence],
    detail: str = "",
) -> CheckRow:
    stated_by = Evidence("statement", "stated", one.position)
    return row._replace(detail=detail).judged(stated, computed, (stated_by, *evidence))
