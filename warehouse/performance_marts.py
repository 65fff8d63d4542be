"""Checks of performance self-evaluation forms (绩效自评表).

As for the narrative, a rule of the catalogue carries a shape (:mod:`warehouse.performance_shapes`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal

from disclosures.forms import squeeze
from warehouse.checks import (
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
    span_of,
)
from warehouse.marts import Builder
from warehouse.narrative_marts import NarrativeChecks
from warehouse.performance_forms import (
    AMOUNTS,
    MEASURES,
    UNITS_OF_MONEY,
    Entry,
    Line,
    PerformanceForm,
    amount_or_blank,
    performance_forms,
)
from warehouse.performance_shapes import (
    Accounts,
    Adjustment,
    Again,
    Ceiling,
    Claim,
    Cost,
    Echoed,
    FundSum,
    NoneBought,
    OtherFunds,
    PerformanceShape,
    Points,
    ProjectsWithin,
    Quoted,
    Rate,
    RateBase,
    RateScore,
    Target,
    WithinWeight,
)
from warehouse.project_checks import ProjectChecks

_OPERATOR: Final = re.compile(r"^(?P<sign>[≥≧>]=?|[≤≦<]=?|=)")
_COST: Final = re.compile(r"成本")


class PerformanceChecks:
    """Applies shapes to the forms of a batch."""

    def __init__(
        self,
        forms: Sequence[PerformanceForm],
        narrative: NarrativeChecks,
    ) -> None:
        self.forms = forms
        self.narrative = narrative
        self.projects = ProjectChecks(forms, narrative)
        self._shapes: dict[type, Callable[..., Iterator[CheckRow]]] = {
            Rate: self._rate,
            RateScore: self._rate_score,
            Points: self._points,
            WithinWeight: self._within_weight,
            Target: self._target,
            Cost: self._cost,
            Echoed: self._echoed,
            Accounts: self._accounts,
            Adjustment: self._adjustment,
            NoneBought: self._none_bought,
            OtherFunds: self._other_funds,
            FundSum: self._fund_sum,
            RateBase: self._rate_base,
            Ceiling: self._ceiling,
        }

    def rows(self, shape: PerformanceShape) -> list[CheckRow]:
        if isinstance(shape, Again):
            return list(self._again(shape))
        if isinstance(shape, Quoted | ProjectsWithin | Claim):
            return self.projects.rows(shape)
        return [row for form in self.forms for row in self._shapes[type(shape)](shape, form)]

    # -- execution

    def _rate(self, shape: Rate, form: PerformanceForm) -> Iterator[CheckRow]:
        for name, rate, lines in self._rates(form):
            if rate.value is None:
                continue
            pairs = [
                (spent, budget)
                for line in lines
                for key in shape.budgets
                if (spent := _amount(line, "executed")) and (budget := _amount(line, key))
            ]
            unit = rate.unit or ("%" if "%" in rate.text else "")
            row = _about(form, name, "%")
            if not pairs:
                yield row.unjudged(missing="没有预算数或执行数")
                continue
            found: list[Known] = []
            for spent, budget in pairs:
                shown = percentage(spent.span, budget.span)
                if shown is not None:
                    found.append(Known(shown, spent.evidence + budget.evidence))
            if not found:
                yield row.unjudged(clause="no_budget")
                continue
            stated = [span_of(rate.value, None, "%")]
            if unit != "%" and abs(rate.value) <= 2:
                # A rate without a sign is a fraction as well as a percentage.
                one = span_of(rate.value)
                stated.append(Span(one.value * 100, one.half * 100))
            best = min(
                ((s, k) for s in stated for k in found),
                key=lambda p: (not p[0].meets(p[1].span), abs(p[0].value - p[1].span.value)),
            )
            yield _row(row, best[0], best[1].span, rate, best[1].evidence)

    @staticmethod
    def _rates(form: PerformanceForm) -> Iterator[tuple[str, Entry, list[Line]]]:
        if form.table != "summary":
            for line in form.funds:
                if "rate" in line.cells:
                    yield line.name, line.cells["rate"], [line]
            return
        # A summary prints one cell per heading: the amounts of the project stand on other lines.
        merged = Line(form.project)
        for line in form.lines:
            for measure, entry in line.cells.items():
                merged.cells.setdefault(measure, entry)
        for line in form.lines:
            if "rate" in line.cells and re.search("执行率", squeeze(line.name)):
                yield line.name, line.cells["rate"], [merged]

    def _rate_score(self, shape: RateScore, form: PerformanceForm) -> Iterator[CheckRow]:
        main = form.main
        if main is None or not {"weight", "score", "rate"} <= main.cells.keys():
            return
        weight, score = main.cells["weight"].points(), main.cells["score"]
        spent, budget = _amount(main, "executed"), _amount(main, "budget_full_year")
        row = _about(form, main.name, "分")
        if weight is None or score.value is None or spent is None or budget is None:
            yield row.unjudged(missing="没有分值、得分、预算数或执行数")
            return
        rate = percentage(spent.span, budget.span)
        if rate is None:
            yield row.unjudged(clause="no_budget")
            return
        rates = [rate]
        stated = main.cells["rate"]
        if stated.value is not None:
            rates.append(span_of(stated.value, None, "%"))
        for line in form.indicators:
            wanted = line.cells.get("target")
            if re.search(shape.target, squeeze(line.name)) and wanted and wanted.value:
                target = span_of(wanted.value)
                rates += [r for one in list(rates) if (r := percentage(one, Span(target.value)))]
        full = 100 * SCALE
        expected = [
            product(weight, Span(min(r.value, full) // 100, r.half // 100 + 1)) for r in rates
        ]
        given = span_of(score.value)
        best = min(expected, key=lambda e: (not given.meets(e), abs(given.value - e.value)))
        evidence = (*main.cells["weight"].evidence, *spent.evidence, *budget.evidence)
        yield _row(row, given, best, score, evidence)

    # -- points

    def _points(self, shape: Points, form: PerformanceForm) -> Iterator[CheckRow]:
        if form.table == "summary":
            return
        entries = [x.cells[shape.of] for x in form.judged if shape.of in x.cells]
        points = [e.points() for e in entries]
        total = form.total
        printed = None
        if total is not None:
            printed = total.cells.get("weight" if shape.of == "weight" else "total")
        if len(entries) < 2:
            return
        row = _about(form, "总分" if shape.of == "score" else "分值", "分")
        if (printed is None) != (shape.expected is not None):
            return
        if any(p is None for p in points) or len(entries) < len(form.judged):
            yield row.unjudged(missing="有指标的分值或得分未能读出")
            return
        summed = Span(0)
        for point in points:
            assert point is not None
            summed = summed.plus(point)
        evidence = tuple(e for entry in entries for e in entry.evidence)
        if printed is None:
            assert shape.expected is not None
            yield _row(row, summed, Span(shape.expected * SCALE), entries[0], evidence[1:])
            return
        stated = printed.points()
        if stated is None:
            yield row.unjudged(missing="总分未能读出")
            return
        yield _row(row, stated, summed, printed, evidence)

    def _within_weight(self, shape: WithinWeight, form: PerformanceForm) -> Iterator[CheckRow]:
        for line in form.judged:
            if not {"weight", "score"} <= line.cells.keys():
                continue
            weight, score = line.cells["weight"].points(), line.cells["score"].points()
            if weight is None or score is None:
                continue
            row = _about(form, line.name, "分")
            entry = line.cells["weight"]
            yield _row(row, weight, Span(score.value), entry, line.cells["score"].evidence)

    def _target(self, shape: Target, form: PerformanceForm) -> Iterator[CheckRow]:
        for line in form.indicators:
            if not {"target", "actual", "weight", "score"} <= line.cells.keys():
                continue
            weight, score = line.cells["weight"].value, line.cells["score"].value
            met = _is_met(line.name, line.cells["target"], line.cells["actual"])
            row = _about(form, line.name, "")
            if met is None or weight is None or score is None or not weight:
                continue
            full = score >= weight
            wrong = (not met and full) if shape.missed else (met and not full)
            evidence = tuple(
                e for key in ("actual", "weight", "score") for e in line.cells[key].evidence
            )
            one, nothing = Span(SCALE), Span(0)
            yield _row(row, one if wrong else nothing, nothing, line.cells["target"], evidence)

    def _cost(self, shape: Cost, form: PerformanceForm) -> Iterator[CheckRow]:
        main = form.main
        if main is None:
            return
        spent = _amount(main, "executed")
        for line in form.indicators:
            actual = line.cells.get("actual")
            if actual is None or not actual.unit or not _COST.search(squeeze(line.name)):
                continue
            if _operator(actual.text) == "at_most":
                continue  # "≤15万元" is a limit; what was spent may be less
            cost = actual.amount()
            if cost is None or actual.unit not in UNITS_OF_MONEY:
                continue
            row = _about(form, line.name, "万元")
            if spent is None:
                yield row.unjudged(missing="没有执行数")
                continue
            yield _row(row, spent.span, cost.span, main.cells["executed"], cost.evidence)

    def _echoed(self, shape: Echoed, form: PerformanceForm) -> Iterator[CheckRow]:
        numbers = [
            (line.name, line.cells["target"], line.cells["actual"])
            for line in form.indicators
            if {"target", "actual"} <= line.cells.keys() and line.cells["actual"].value is not None
        ]
        echoes = [
            (name, target, actual)
            for name, target, actual in numbers
            if _operator(actual.text) in ("at_least", "at_most")
            and squeeze(actual.text) == squeeze(target.text)
        ]
        for name, target, actual in echoes or numbers[:1]:
            detail = "、".join(f"{n}{a.text}" for n, _, a in echoes)
            row = _about(form, "完成值" if echoes else name, "")._replace(detail=detail)
            rest = [e for _, t, a in echoes[1:] for e in (*a.evidence, *t.evidence)]
            wrong = Span(SCALE if echoes else 0)
            yield _row(row, wrong, Span(0), actual, (*target.evidence, *rest))
            return

    # -- between tables

    def _again(self, shape: Again) -> Iterator[CheckRow]:
        of: dict[tuple[int, str], list[PerformanceForm]] = defaultdict(list)
        for form in self.forms:
            if form.table != "unit":
                of[form.disclosure, squeeze(form.project)].append(form)
        for forms in of.values():
            own = [f for f in forms if f.table == "project"]
            told = [f for f in forms if f.table == "summary"]
            if len(own) != 1 or not told:
                continue
            stated = own[0].value(shape.measure)
            if stated is None or stated.value is None:
                continue
            # Lines of the same name with other amounts are other units' projects.
            spent = {e.value for f in forms if (e := f.value("executed")) and e.value is not None}
            for other in told:
                entry = other.value(shape.measure)
                row = _about(other, MEASURES[shape.measure], stated.unit or "万元")
                if entry is None or entry.value is None:
                    continue
                if len(spent) > 1 and shape.measure != "executed":
                    yield row.unjudged(clause="other_project")
                    continue
                if shape.measure == "score":
                    a, b = entry.points(), stated.points()
                else:
                    one, two = entry.amount(), stated.amount()
                    a, b = (one.span if one else None), (two.span if two else None)
                if a is not None and b is not None:
                    yield _row(row, a, b, entry, stated.evidence)

    # -- with the accounts

    def _accounts(self, shape: Accounts, form: PerformanceForm) -> Iterator[CheckRow]:
        if form.table != "unit" or form.main is None:
            return
        stated = _amount(form.main, shape.measure)
        if stated is None:
            return
        row = _about(form, f"{form.main.name}／{MEASURES[shape.measure]}", "万元")
        known: list[Known] = []
        for term in shape.equals:
            kind, _, rest = term.partition(":")
            if kind == "cell":
                known += self.narrative.terms.cell(rest, form.disclosure)
            elif not known:
                measure, _, subject = rest.partition(":")
                known += self.narrative.said(form.disclosure, measure, subject)
        if not known:
            yield row.unjudged(missing="没有可以对照的决算数或预算数")
            return
        best = closest(stated.span, known)
        yield _row(row, stated.span, best.span, form.main.cells[shape.measure], best.evidence)

    def _adjustment(self, shape: Adjustment, form: PerformanceForm) -> Iterator[CheckRow]:
        main = form.main
        for line in form.indicators:
            actual = line.cells.get("actual")
            if actual is None or actual.value is None:
                continue
            if not re.fullmatch(shape.indicator, squeeze(line.name)) or actual.unit != "%":
                continue
            row = _about(form, line.name, "%")
            initial = _amount(main, "budget_initial") if main else None
            full = _amount(main, "budget_full_year") if main else None
            if initial is None or full is None:
                yield row.unjudged(missing="没有年初预算数或全年预算数")
                continue
            change = percentage(full.span.plus(initial.span, -1), initial.span)
            if change is None:
                yield row.unjudged(clause="no_budget")
                continue
            evidence = full.evidence + initial.evidence
            size = Span(abs(change.value), change.half)
            yield _row(row, span_of(abs(actual.value)), size, actual, evidence)

    def _none_bought(self, shape: NoneBought, form: PerformanceForm) -> Iterator[CheckRow]:
        for line in form.indicators:
            actual = line.cells.get("actual")
            if actual is None or not re.search(shape.indicator, squeeze(line.name)):
                continue
            if actual.value is None or actual.unit in ("%", *UNITS_OF_MONEY):
                continue
            row = _about(form, line.name, actual.unit)
            bought = self.narrative.said(form.disclosure, "amount", shape.said)
            if not bought:
                yield row.unjudged(missing="文中没有政府采购支出总额")
                continue
            if not bought[0].span.is_zero:
                yield _row(row, Span(0), Span(0), actual, bought[0].evidence)
                continue
            span = span_of(actual.value)
            yield _row(row, Span(span.value), Span(0), actual, bought[0].evidence)

    def _other_funds(self, shape: OtherFunds, form: PerformanceForm) -> Iterator[CheckRow]:
        if form.table != "unit":
            return
        lines = [
            line
            for line in form.funds
            if line is not form.main
            and "executed" in line.cells
            and re.fullmatch(shape.funds, _source(line.name))
        ]
        if not lines:
            return
        row = _about(form, f"{'、'.join(x.name for x in lines)}／全年执行数", "万元")
        spent = [_amount(line, "executed") for line in lines]
        cells = [(shape.total, 1), *((address, -1) for address in shape.appropriated)]
        known = [self.narrative.terms.cell(address, form.disclosure) for address, _ in cells]
        if any(one is None for one in spent) or not all(known):
            yield row.unjudged(missing="执行数或三类财政拨款支出未能读出")
            return
        stated, beyond = Span(0), Span(0)
        evidence: tuple[Evidence, ...] = ()
        for one in spent:
            assert one is not None
            stated = stated.plus(one.span)
        for (_, sign), (cell, *_) in zip(cells, known, strict=True):
            beyond = beyond.plus(cell.span, sign)
            role: Literal["addend", "subtrahend"] = "addend" if sign > 0 else "subtrahend"
            evidence += tuple(e.as_role(role) for e in cell.evidence)
        others = tuple(e for line in lines[1:] for e in line.cells["executed"].evidence)
        yield _row(row, stated, beyond, lines[0].cells["executed"], (*others, *evidence))

    def _fund_sum(self, shape: FundSum, form: PerformanceForm) -> Iterator[CheckRow]:
        main, funds = form.main, form.funds
        if main is None or len(funds) < 2:
            return
        parts = [line for line in funds if line is not main]
        names = [_source(line.name) for line in parts]
        whole = any(
            len(group) == len(parts)
            and all(sum(bool(re.fullmatch(p, n)) for n in names) == 1 for p in group)
            for group in shape.sources
        )
        for measure in AMOUNTS:
            total = _amount(main, measure)
            if total is None:
                continue
            row = _about(form, f"{main.name}／{MEASURES[measure]}", "万元")
            if not whole:
                yield row.unjudged(clause="other_sources")
                continue
            cells = [line.cells.get(measure) for line in parts]
            amounts = [amount_or_blank(cell) for cell in cells]
            if any(amount is None for amount in amounts):
                yield row.unjudged(missing="有资金来源的金额未能读出")
                continue
            summed = Span(0)
            for amount in amounts:
                assert amount is not None
                summed = summed.plus(amount)
            evidence = tuple(e for cell in cells if cell for e in cell.evidence)
            yield _row(row, total.span, summed, main.cells[measure], evidence)

    def _rate_base(self, shape: RateBase, form: PerformanceForm) -> Iterator[CheckRow]:
        for name, rate, (line, *_) in self._rates(form):
            spent, initial, full = (
                _amount(line, key) for key in ("executed", "budget_initial", "budget_full_year")
            )
            if rate.value is None or spent is None or initial is None or full is None:
                continue
            row = _about(form, name, "%")
            if initial.span.meets(full.span):
                yield row.unjudged(clause="same_budget")
                continue
            stated = span_of(rate.value, None, "%")
            of_full = percentage(spent.span, full.span)
            of_initial = percentage(spent.span, initial.span)
            if of_full is None or of_initial is None:
                yield row.unjudged(clause="no_budget")
                continue
            evidence = spent.evidence + full.evidence
            if stated.meets(of_full) or stated.meets(of_initial):
                yield _row(row, stated, of_full, rate, evidence)

    def _ceiling(self, shape: Ceiling, form: PerformanceForm) -> Iterator[CheckRow]:
        for line in form.indicators:
            if not re.search(shape.indicator, squeeze(line.name)):
                continue
            for measure in ("target", "actual"):
                entry = line.cells.get(measure)
                if entry is None or entry.value is None or entry.unit != "%":
                    continue
                row = _about(form, f"{line.name}／{MEASURES[measure]}", "%")
                yield _row(row, Span(100 * SCALE), span_of(entry.value, None, "%"), entry, ())


def _amount(line: Line, measure: str) -> Known | None:
    entry = line.cells.get(measure)
    return entry.amount() if entry is not None else None


def _source(name: str) -> str:
    """The name of a row of funds without its number and the words that lead to it."""
    return re.sub(r"^(?:其中:?|[(（]?\d+[)）]?[、.]?)+", "", squeeze(name))


@lru_cache(maxsize=8192)
def _operator(text: str) -> str:
    # Not squeezed: that takes "<" and ">" for markup.
    match = _OPERATOR.match(re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)))
    sign = match["sign"] if match else ""
    if sign[:1] in ("≥", "≧", ">"):
        return "at_least"
    if sign[:1] in ("≤", "≦", "<"):
        return "at_most"
    return "equal" if sign else ""


def _is_met(name: str, target: Entry, actual: Entry) -> bool | None:
    """Whether a target was met; None where that is a matter of words."""
    if target.value is None or actual.value is None or target.unit != actual.unit:
        return None
    operator = _operator(target.text)
    if not operator and _COST.search(squeeze(name)):
        operator = "at_most"
    # "≥15批" as the actual value repeats the target and says nothing of its own.
    if not operator or _operator(actual.text) in ("at_least", "at_most"):
        return None
    if operator == "at_least":
        return actual.value >= target.value
    if operator == "at_most":
        return actual.value <= target.value
    return actual.value == target.value


def _about(form: PerformanceForm, name: str, unit: str) -> CheckRow:
    return CheckRow(form.disclosure, f"{form.project}／{name}", unit, doubtful=form.doubtful)


def _row(
    row: CheckRow, stated: Span, computed: Span, entry: Entry, evidence: Sequence[Evidence]
) -> CheckRow:
    return row.judged(
        stated, computed, (Evidence("performance", "stated", entry.position), *evidence)
    )


def build_performance_mart(
    builder: Builder,
    shapes: Mapping[str, PerformanceShape],
    narrative: NarrativeChecks,
) -> tuple[CheckMart, frozenset[int]]:
    """The checks of all rules, and the disclosures that have performance forms."""
    forms = performance_forms(builder)
    checks = PerformanceChecks(forms, narrative)
    found = {key: checks.rows(shape) for key, shape in shapes.items()}
    return collect("performance", found), frozenset(f.disclosure for f in forms)
