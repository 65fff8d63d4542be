"""Checks of the narrative: every stated figure against its cell, its parts and its neighbours.

What is checked is data: a rule of the catalogue carries one of the shapes of
:mod:`warehouse.narrative_shapes`, which pick statements and name the figures to compare them with.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product as combinations
from typing import Final

from disclosures.forms import forms, squeeze
from warehouse.addresses import Gap
from warehouse.checks import (
    MONEY_UNITS,
    SCALE,
    CheckMart,
    CheckRow,
    Evidence,
    Known,
    Span,
    closest,
    collect,
    percentage,
    product,
)
from warehouse.coded_lines import same_name
from warehouse.marts import Builder
from warehouse.narrative_shapes import (
    Bases,
    Direction,
    Growth,
    Named,
    NotBudget,
    Pick,
    Prior,
    Ratio,
    Repeat,
    StatementShape,
    Sum,
    Tie,
    Weighted,
    Worded,
)
from warehouse.narrative_terms import Terms, nearest, path_of, signed
from warehouse.narratives import BUDGETS, Narrative, Said, fits_whole, plain_quote, searched

#: "与2023年预算基本持平" compares with a budget, whatever year it names.
_BUDGET_BESIDE: Final = r"预算[^,;:。]{0,8}(?:持平|一致|相同|相等|差异|变化|增减)"


class NarrativeChecks:
    """Applies shapes to the narratives of a batch."""

    def __init__(self, builder: Builder, narratives_of: Mapping[int, Narrative]) -> None:
        self.builder = builder
        self.narratives = narratives_of
        self.terms = Terms(builder)
        self._speaking: dict[tuple[str, str], list[int]] = defaultdict(list)
        for d, narrative in narratives_of.items():
            for key in narrative.by_name.keys() | {
                (s.subject, s.measure) for s in narrative.worded
            }:
                self._speaking[key].append(d)

    def _of_subject(self, shape: StatementShape) -> list[Narrative]:
        """The narratives that state what a shape starts from."""
        measures: tuple[str, ...]
        if isinstance(shape, Weighted):
            pattern, measures = shape.total, ("amount",)
        elif isinstance(shape, Prior):
            pattern, measures = shape.whole, ("change_amount",)
        else:
            pick = shape.total if isinstance(shape, Sum) else shape.pick
            pattern, measures = pick.subject, pick.measure
        told = next(iter(self.narratives.values()), None)
        if told is None:
            return []
        subjects = told.vocabulary.fitting(pattern) | {pattern}
        numbers = {
            d
            for subject in subjects
            for measure in measures
            for d in self._speaking.get((subject, measure), ())
        }
        return [self.narratives[d] for d in sorted(numbers)]

    def rows(self, shape: StatementShape) -> list[CheckRow]:
        """All checks of one rule."""
        found: list[CheckRow] = []
        for narrative in self._of_subject(shape):
            rows = self._of(shape, narrative)
            if not narrative.doubtful:
                found += rows
                continue
            found += [
                row._replace(doubtful=True)
                if any(
                    e.source == "statement" and e.position in narrative.doubtful
                    for e in row.evidence
                )
                else row
                for row in rows
            ]
        return found

    def _of(self, shape: StatementShape, narrative: Narrative) -> Iterator[CheckRow]:
        if isinstance(shape, Sum):
            return self._sums(shape, narrative)
        if isinstance(shape, Weighted):
            return self._weighted(shape, narrative)
        if isinstance(shape, Prior):
            return self._priors(shape, narrative)
        if isinstance(shape, Repeat):
            return self._repeats(shape, narrative)
        if isinstance(shape, Named):
            return self._named(shape, narrative)
        return (
            row
            for one in self.picked(shape.pick, narrative)
            if (row := self._one(shape, one, narrative)) is not None
        )

    @staticmethod
    def picked(pick: Pick, narrative: Narrative) -> list[Said]:
        """The statements of a narrative that a rule picks."""
        found = narrative.of(pick.subject, pick.measure)
        if "compare" in pick.measure:
            found = [s for s in narrative.worded if fits_whole(pick.subject, s.subject)]
        return [
            s
            for s in found
            if (not pick.section or searched(pick.section, s.section))
            and not (pick.not_section and searched(pick.not_section, s.section))
            and not (pick.quote and not searched(pick.quote, s.quote))
            and not (pick.not_quote and searched(pick.not_quote, s.quote))
            and not (pick.versus and not searched(pick.versus, s.versus))
        ]

    def _one(self, shape: StatementShape, one: Said, narrative: Narrative) -> CheckRow | None:
        if isinstance(shape, Tie):
            return self._tie(shape, one, narrative)
        if isinstance(shape, Ratio):
            return self._ratio(shape, one, narrative)
        if isinstance(shape, Growth):
            return self._growth(shape, one, narrative)
        if isinstance(shape, Direction):
            return self._direction(shape, one, narrative)
        if isinstance(shape, Worded):
            return self._word(shape, one, narrative)
        if isinstance(shape, Bases):
            return self._bases(one, narrative)
        assert isinstance(shape, NotBudget)
        return self._not_budget(shape, one, narrative)

    # -- shapes

    def _tie(self, shape: Tie, one: Said, narrative: Narrative) -> CheckRow | None:
        known: list[Known] = []
        missing = ""
        for term in shape.equals:
            # What the text itself says stands in only for cells that are not there.
            if known and term.startswith("said:"):
                break
            found, why = self.terms.figures(term, one, narrative)
            known += found
            missing = missing or why
        row = CheckRow(narrative.disclosure, _label(one), one.unit)
        if not known:
            return _why(row, missing)
        if shape.relation == "at_most":
            best = max(known, key=lambda k: k.span.value)
            return _row(row, best.span, one.span, one, best.evidence)
        best = closest(one.span, known)
        return _row(row, one.span, best.span, one, best.evidence)

    def _ratio(self, shape: Ratio, one: Said, narrative: Narrative) -> CheckRow | None:
        row = CheckRow(narrative.disclosure, _label(one), one.unit)
        found: list[Known] = []
        empty = pairs = 0
        zero_evidence: tuple[Evidence, ...] = ()
        for part_term, whole_term in shape.of:
            parts, wholes = (
                [narrative.as_told(known) for known in self.terms.figures(term, one, narrative)[0]]
                for term in (part_term, whole_term)
            )
            for part, whole in combinations(parts, wholes):
                evidence = part.evidence + whole.evidence
                if shape.same_sentence and not self._beside(one, evidence, narrative):
                    continue
                pairs += 1
                if part.span.is_zero and whole.span.is_zero:
                    empty += 1
                    zero_evidence = zero_evidence or evidence
                    continue
                rate = _rate(part.span, whole.span, shape.less_one)
                if rate is not None:
                    found.append(Known(rate, evidence))
                    if shape.unsigned:
                        found.append(Known(Span(abs(rate.value), rate.half), evidence))
        if not pairs:
            return _clause(row, "alone")
        best = closest(one.span, found) if found else None
        # What the sentence itself says counts more than what the form says.
        nothing = bool(empty) and not (best and one.span.meets(best.span))
        if shape.of_nothing:
            return _row(row, one.span, Span(0), one, zero_evidence) if nothing else None
        if nothing or best is None:
            return _clause(row, "of_nothing" if nothing else "zero_whole")
        span = best.span
        if shape.trimmed and not one.span.meets(span):
            siblings = [
                s.span.value
                for s in narrative.by_measure[one.measure]
                if s.section == one.section
                and s.versus == one.versus
                and (s.quote == one.quote or s.subject.endswith("（类）"))
            ]
            if len(siblings) > 1 and sum(siblings) == 100 * SCALE:
                span = Span(span.value, span.half + 2 * one.span.half)
        return _row(row, one.span, span, one, best.evidence)

    @staticmethod
    def _beside(one: Said, evidence: Sequence[Evidence], narrative: Narrative) -> bool:
        """Whether all statements behind figures stand in the sentence of another."""
        return all(
            narrative.quotes.get(e.position, one.quote) == one.quote
            for e in evidence
            if e.source == "statement"
        )

    def _growth(self, shape: Growth, one: Said, narrative: Narrative) -> CheckRow | None:
        row = CheckRow(narrative.disclosure, _label(one), one.unit)
        change_said = nearest(one, narrative, "change_amount")
        if (
            change_said is None
            or change_said.unit not in MONEY_UNITS
            or change_said.quote != one.quote
            or (change_said.sign and one.sign and change_said.sign != one.sign)
        ):
            return _clause(row, "alone")
        changes = [signed(change_said)]
        currents = [k for t in shape.current for k in self.terms.figures(t, one, narrative)[0]]
        if not currents:
            return _clause(row, "alone")
        rates: list[Known] = []
        for current, change in combinations(currents, changes):
            before = current.span.plus(change.span, -1)
            rate = percentage(Span(abs(change.span.value), change.span.half), before)
            if rate is not None:
                rates.append(Known(rate, current.evidence + change.evidence))
        if not rates:
            nothing = any(c.span.is_zero for c in changes)
            return _clause(row, "nothing_before" if not nothing else "nothing_at_all")
        best = closest(one.span, rates)
        return _row(row, one.span, best.span, one, best.evidence)

    def _direction(self, shape: Direction, one: Said, narrative: Narrative) -> CheckRow | None:
        if not one.sign or one.span.is_zero:
            return None
        change = nearest(one, narrative, "change_amount")
        if change is None or not change.sign or change.span.is_zero:
            return None
        if change.quote != one.quote:
            return None
        row = CheckRow(narrative.disclosure, _label(one), "")
        return _row(
            row,
            Span(one.sign * SCALE),
            Span(change.sign * SCALE),
            one,
            (Evidence("statement", position=change.position),),
        )

    def _word(self, shape: Worded, one: Said, narrative: Narrative) -> CheckRow | None:
        """Answers in signs: what the word says, and what the figures say."""
        if one.word not in shape.words:
            return None
        row = CheckRow(narrative.disclosure, _label(one), "")
        if one.versus == "上年决算":
            if one.word != "持平" or searched(_BUDGET_BESIDE, plain_quote(one.quote)):
                return None
            change = nearest(one, narrative, "change_amount")
            if change is None or change.quote != one.quote or change.versus != one.versus:
                return _clause(row, "alone")
            pairs = [(change, Span(abs(change.span.value), change.span.half), Span(0))]
            shown = f"比上年增减 {change.printed}{change.unit}"
        else:
            own = nearest(one, narrative, "amount")
            budgets = [b for m in BUDGETS if (b := nearest(one, narrative, m))]
            if own is None or not budgets:
                return _clause(row, "alone")
            pairs = [(budget, own.span, budget.span) for budget in budgets]
            shown = f"决算数为 {own.printed}{own.unit}，预算数为 "
            shown += "、".join(f"{b.printed}{b.unit}" for b in budgets)
        said = {"持平": 0, "大于": 1, "小于": -1}[one.word]
        signs = {
            said if a.meets(b) else (1 if a.value > b.value else -1): other for other, a, b in pairs
        }
        sign = said if said in signs else next(iter(signs))
        evidence = (Evidence("statement", position=signs[sign].position),)
        found = _row(row, Span(said * SCALE), Span(sign * SCALE), one, evidence)
        return found._replace(detail=f"称“{one.word}”，而{shown}")

    def _bases(self, one: Said, narrative: Narrative) -> CheckRow | None:
        completion, spent, full = (
            nearest(one, narrative, m) for m in ("completion", "amount", "budget_full")
        )
        row = CheckRow(narrative.disclosure, f"{one.subject}／budget_initial", "万元")
        if completion is None or spent is None or full is None:
            return _clause(row, "alone")
        rate = percentage(spent.span, full.span)
        if rate is None or rate.meets(completion.span):
            return _clause(row, "own_base")
        stated = _to_hundredths(percentage(spent.span, completion.span))
        whole = 100 * SCALE
        evidence = (full.known(), one.known())
        bases = [
            Known(base, tuple(e for k in evidence for e in k.evidence))
            for sign in (1, -1)
            if (
                base := _to_hundredths(
                    percentage(full.span, Span(whole + sign * one.span.value, one.span.half))
                )
            )
        ]
        if stated is None or not bases:
            return _clause(row, "alone")
        best = closest(stated, bases)
        return _row(row, stated, best.span, completion, spent.known().evidence + best.evidence)

    def _not_budget(self, shape: NotBudget, one: Said, narrative: Narrative) -> CheckRow | None:
        """A match is the finding, so the spans of a match are set apart."""
        if not _compares_with_last_year(one) or one.span.is_zero:
            return None
        own = nearest(one, narrative, "amount")
        row = CheckRow(narrative.disclosure, _label(one), one.unit)
        if own is None:
            return _why(row, "文中没有相应的金额")
        budgets, why = self.terms.figures(shape.budget, one, narrative)
        if not budgets:
            return _why(row, why)
        change = signed(one)
        before = own.span.plus(change.span, -1)
        budget = budgets[0]
        evidence = (Evidence("statement", position=own.position), *budget.evidence)
        same = before.value == budget.span.value and not before.is_zero
        # The identity "the base is another figure than the budget" as intervals: a base that is
        # the budget is shown one unit apart from itself.
        if not same:
            return _row(row, before, before, one, evidence)
        return _row(row, Span(before.value), Span(0), one, evidence)

    def _sums(self, shape: Sum, narrative: Narrative) -> Iterator[CheckRow]:
        done: set[tuple[str, int]] = set()
        for one in self.picked(shape.total, narrative):
            where = {"quote": one.quote, "section": one.section, "chapter": one.chapter}
            key = (where[shape.within], one.span.value)
            if key in done:
                continue
            done.add(key)
            near = [
                s
                for s in narrative.by_measure[one.measure]
                if s is not one
                and (s.unit in MONEY_UNITS) == (one.unit in MONEY_UNITS)
                and getattr(s, shape.within) == where[shape.within]
            ]
            groups = self._parts(shape, one, near)
            row = CheckRow(narrative.disclosure, _label(one), one.unit)
            if not groups:
                continue
            added = [(parts, self._added(shape, parts)) for parts in groups]
            parts, total = min(added, key=lambda each: abs(each[1].value - one.span.value))
            if shape.every_figure and not _all_understood(one, parts, narrative):
                yield _clause(row, "figures_left")
                continue
            stated = Span(one.span.value, 2 * one.span.half) if shape.cut else one.span
            if not stated.meets(total) and self._leaves_out(shape, stated, added, narrative):
                yield _clause(row, "parts_left")
                continue
            evidence = tuple(Evidence("statement", position=p.position) for p in parts)
            yield _row(row, stated, total, one, evidence)

    def _leaves_out(
        self,
        shape: Sum,
        stated: Span,
        added: Sequence[tuple[Sequence[Said], Span]],
        narrative: Narrative,
    ) -> bool:
        """Whether what the text does not state may be what is missing from the total."""
        if not shape.unstated and not shape.unlisted:
            return False
        for parts, total in added:
            if len(parts) == 1 and total.value < stated.value:
                return True
            left = self._unstated(shape, parts, narrative)
            for known in left:
                total = total.plus(known.span)
            if left and stated.meets(total):
                return True
        return False

    def _unstated(self, shape: Sum, parts: Sequence[Said], narrative: Narrative) -> list[Known]:
        """The cells of the parts that are not stated; none where one is not known."""
        terms, disclosure = self.terms, narrative.disclosure
        if shape.unlisted:
            form, _, column = shape.unlisted.partition(".")
            lines = terms.lines(form, column)
            listed = {
                line.code for part in parts for line in lines.named(disclosure, part.subject, "")
            }
            classes = [line for line in lines.of(disclosure) if len(line.code) == 3]
            known = [line.known for line in classes if line.code not in listed]
        else:
            said = {part.subject for part in parts}
            # The funds are parts of 财政拨款收入.
            group = next(g for g in shape.parts if all(n in said for n in g if not n.endswith("?")))
            names = {*(name.removesuffix("?") for name in group), *shape.optional} - said
            cells = [terms.figures(shape.unstated[n], parts[0], narrative)[0] for n in names]
            known = [cell[0] if cell else None for cell in cells]
        found = [one for one in known if one is not None]
        return found if len(found) == len(known) else []

    @staticmethod
    def _added(shape: Sum, parts: Sequence[Said]) -> Span:
        total = Span(0)
        for part in parts:
            span = Span(part.span.value, 2 * part.span.half) if shape.cut else part.span
            total = total.plus(span)
        return total

    @staticmethod
    def _parts(shape: Sum, one: Said, near: Sequence[Said]) -> list[list[Said]]:
        """The parts that a total may have, each once, the statement nearest to it."""
        if shape.each:
            chosen: dict[tuple[str, str], Said] = {}
            for s in near:
                if s.subject != one.subject and fits_whole(shape.each, s.subject):
                    chosen.setdefault((s.subject, path_of(s)), s)
            parts = list(chosen.values())
            return [parts] if len(parts) >= shape.at_least else []
        by_subject: dict[str, Said] = {}
        for s in sorted(near, key=lambda s: abs(s.order - one.order)):
            by_subject.setdefault(s.subject, s)
        groups: list[list[Said]] = []
        for group in shape.parts:
            if all(name in by_subject or name.endswith("?") for name in group):
                named = (*(name.removesuffix("?") for name in group), *shape.optional)
                groups.append([by_subject[name] for name in named if name in by_subject])
        return groups

    def _weighted(self, shape: Weighted, narrative: Narrative) -> Iterator[CheckRow]:
        for one in narrative.of(shape.total, ("amount",)):
            total = Span(0)
            evidence: tuple[Evidence, ...] = ()
            row = CheckRow(narrative.disclosure, _label(one), one.unit)
            shares = 0
            for amount_subject, share_subject in shape.kinds:
                amounts = [
                    s for s in narrative.of(amount_subject, ("amount",)) if s.section == one.section
                ]
                stated = [
                    s for s in narrative.of(share_subject, ("share",)) if s.section == one.section
                ]
                if not amounts or (not stated and not amounts[0].span.is_zero):
                    break
                shares += len(stated)
                if stated and not amounts[0].span.is_zero:
                    part = Span(stated[0].span.value // 100, stated[0].span.half // 100 + 1)
                    total = total.plus(product(amounts[0].span, part))
                evidence += amounts[0].known().evidence
                evidence += stated[0].known().evidence if stated else ()
            else:
                if shares:
                    yield _row(row, one.span, total, one, evidence)

    def _priors(self, shape: Prior, narrative: Narrative) -> Iterator[CheckRow]:
        wholes = list(self.implied(shape.whole, narrative))
        for whole, before in wholes:
            for group in shape.parts:
                chosen: list[tuple[Said, Span]] = []
                for subject in group:
                    found = [
                        (s, b)
                        for s, b in self.implied(subject, narrative)
                        if shape.within == "disclosure" or s.chapter == whole.chapter
                    ]
                    if found:
                        chosen.append(min(found, key=lambda p: abs(p[0].order - whole.order)))
                if len(chosen) < len(group):
                    continue
                total = Span(0)
                for _, span in chosen:
                    total = Span(total.value + span.value, total.half + span.half)
                row = CheckRow(
                    narrative.disclosure,
                    f"{whole.subject}与{'、'.join(s.subject for s, _ in chosen)}／prior",
                    whole.unit,
                )
                evidence = tuple(Evidence("statement", position=s.position) for s, _ in chosen)
                yield _row(row, before, total, whole, evidence)

    def said(self, disclosure: int, measure: str, subject: str) -> list[Known]:
        """The first figure of a disclosure that is stated of a subject, if there is one."""
        narrative = self.narratives.get(disclosure)
        found = narrative.of(subject, (measure,)) if narrative else []
        return [found[0].known()] if found else []

    def implied(
        self, subject: str, narrative: Narrative, not_section: str = ""
    ) -> Iterator[tuple[Said, Span]]:
        """Changes of a subject against the year before with the figure that they imply for it."""
        for change in narrative.of(subject, ("change_amount",)):
            if not_section and searched(not_section, change.section):
                continue
            if change.unit not in MONEY_UNITS or not _compares_with_last_year(change):
                continue
            own = nearest(change, narrative, "amount")
            if own is not None:
                yield change, _before(own, change)

    def _repeats(self, shape: Repeat, narrative: Narrative) -> Iterator[CheckRow]:
        first: dict[tuple[str, str], Said] = {}
        for one in self.picked(shape.pick, narrative):
            key = (one.subject, one.measure)
            if key not in first:
                first[key] = one
                continue
            row = CheckRow(narrative.disclosure, _label(one), one.unit)
            other = first[key]
            yield _row(
                row, one.span, other.span, one, (Evidence("statement", position=other.position),)
            )

    def _named(self, shape: Named, narrative: Narrative) -> Iterator[CheckRow]:
        """Answers in counts: how many lines of the form the sentence leaves out or adds."""
        coded = self.terms.lines(shape.form, "amount")
        for one in self.picked(shape.pick, narrative):
            text = squeeze(one.quote)
            match = re.search(shape.after, text)
            if match is None:
                continue
            listed = re.split(r"[。;；]", text[match.end() :])[0]
            row = CheckRow(narrative.disclosure, _label(one), "项")
            if self.builder.form_gap[shape.form][narrative.disclosure] != Gap.NONE:
                yield _why(row, f"未读到《{forms()[shape.form].title}》")
                continue
            names = {n.removesuffix("等") for n in re.split(r"[、,，]", listed) if n}
            lines = [
                x
                for x in coded.of(narrative.disclosure)
                if len(x.code) == 5 and x.ticks is not None and re.match(shape.classes, x.code)
            ]
            spent = {x.name: x for x in lines if x.ticks}
            blank = {x.name for x in lines if not x.ticks}
            extra = [n for n in sorted(names) if n in blank and n not in spent]
            absent = [x for n, x in spent.items() if not any(same_name(n, m) for m in names)]
            if not names & spent.keys():
                continue
            detail = "；".join(
                part
                for part in (
                    f"文中列出而表中没有金额：{'、'.join(extra)}" if extra else "",
                    f"表中有金额而文中没有列出：{'、'.join(x.name for x in absent)}"
                    if absent
                    else "",
                )
                if part
            )
            evidence = tuple(e for x in absent if x.known for e in x.known.evidence)
            yield CheckRow(
                narrative.disclosure,
                _label(one),
                "项",
                Span((len(extra) + len(absent)) * SCALE),
                Span(0),
                (Evidence("statement", "stated", one.position), *evidence),
                detail=detail,
            )


def _rate(part: Span, whole: Span, less_one: bool) -> Span | None:
    rate = percentage(part, whole)
    if rate is None or not less_one:
        return rate
    return Span(rate.value - 100 * SCALE, rate.half)


def _to_hundredths(span: Span | None) -> Span | None:
    """An implied amount as auditors write it, its interval no narrower."""
    if span is None:
        return None
    value = round(span.value, -6)
    return Span(value, span.half + abs(value - span.value))


def _before(current: Said, change: Said) -> Span:
    span = signed(change).span
    return Span(current.span.value - span.value, current.span.half + span.half)


def _compares_with_last_year(change: Said) -> bool:
    """Where a sentence does not say with what it compares, nothing is concluded from it."""
    return change.versus == "上年决算" and searched(r"上年|去年|上一年|20\d{2}年", change.quote)


def _all_understood(one: Said, parts: Sequence[Said], narrative: Narrative) -> bool:
    """Whether every figure of a unit in the sentences of a total and its parts is a statement."""
    unit = re.escape(one.unit)
    for quote in {one.quote, *(part.quote for part in parts)}:
        printed = len(re.findall(rf"\d\s*{unit}", quote))
        if printed > sum(s.unit == one.unit for s in narrative.by_quote[quote]):
            return False
    return True


def _label(one: Said) -> str:
    """What a finding is about, the same in every reading."""
    return f"{path_of(one) or one.subject}／{one.measure}"


def _row(
    row: CheckRow, stated: Span, computed: Span, one: Said, evidence: Sequence[Evidence]
) -> CheckRow:
    return row.judged(stated, computed, (Evidence("statement", "stated", one.position), *evidence))


def _why(row: CheckRow, missing: str) -> CheckRow:
    return row.unjudged(missing=missing or "缺少可以对照的数字")


def _clause(row: CheckRow, clause: str) -> CheckRow:
    return row.unjudged(clause=clause)


def build_narrative_mart(
    checks: NarrativeChecks, shapes: Mapping[str, StatementShape]
) -> CheckMart:
    """The checks of all rules of the narrative."""
    return collect("statement", {key: checks.rows(shape) for key, shape in shapes.items()})
