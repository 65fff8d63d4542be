"""Judging what has no fixed place: the figures of the narrative and of the performance forms.

Great Expectations validates the long marts of :mod:`warehouse.checks`; this module knows which
rows they hold, what a violated one says, and what could not be checked, and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from string import Template
from typing import Final, Protocol

import numpy as np
import pandas as pd

from disclosures.amounts import MoneyUnit, from_ticks
from disclosures.forms import forms
from disclosures.verdicts import Finding, Operand, Severity, State
from expectations.catalogue import CheckedInstance, Rule
from expectations.custom import (
    GX_SEVERITY,
    ExpectLinearIdentityWithinRounding,
    Ints,
    Parts,
    numbers,
    violated,
)
from warehouse.batches import Batch
from warehouse.checks import COMPUTED, MONEY_UNITS, STATED, CheckMart, CheckRow, Evidence, number
from warehouse.history_marts import HistoryShape, build_history_mart
from warehouse.marts import Builder, Mart
from warehouse.narrative_marts import NarrativeChecks, build_narrative_mart
from warehouse.narrative_shapes import StatementShape, Tie
from warehouse.narratives import narratives
from warehouse.performance_marts import build_performance_mart
from warehouse.performance_shapes import PerformanceShape
from warehouse.unit_marts import Summed, build_unit_mart
from warehouse.version_marts import Reissued, build_version_mart

_MEASURES: Final = {
    "amount": "金额",
    "share": "占比",
    "change_amount": "增减额",
    "change_pct": "增减幅度",
    "completion": "完成率",
    "budget_initial": "年初预算",
    "budget_full": "预算",
    "variance_pct": "预决算差异率",
    "count": "数量",
    "score": "得分",
    "weight": "分值",
    "target": "指标值",
    "actual": "完成值",
    "executed": "执行数",
    "budget_full_year": "全年预算数",
    "rate": "执行率",
    "total": "总分",
    "prior": "推算的上年数",
    "adjustment_rate": "预算调整率",
    "compare": "表述",
}
_NOTHING_SAID: Final = {
    "statement": "未读到文字说明",
    "performance": "没有绩效自评表",
    "history": "没有归档该部门上一年度的决算，无从比较",
    "units": "文字说明没有列出本级以外纳入决算编制范围的单位",
    "versions": "同一网址上没有更早的版本",
}
#: Of what stands in pictures only the forms are read.
_NOT_READ: Final = {
    "statement": "扫描件，文字说明未读取",
    "performance": "扫描件，绩效自评表未读取",
}
_NO_FIGURE: Final = {
    "statement": "文字说明中没有相应的数字",
    "performance": "绩效自评表中没有相应的数字",
    "history": "两年都没有这个数字，或者都为零",
    "units": "本部门和所属单位都没有这个数字，或者都为零",
    "versions": "更早的版本没有同样的报表",
}


def parts_of(instance: CheckedInstance) -> Parts:
    """The columns of the long mart by their part in the identity."""
    stated, stated_half, computed, computed_half, rule = instance.columns
    return Parts(stated, stated_half, [computed], [], [computed_half], [rule])


def expectation_of(instance: CheckedInstance) -> ExpectLinearIdentityWithinRounding:
    """The expectation of one rule; its meta names it."""
    return ExpectLinearIdentityWithinRounding(
        column_list=parts_of(instance).columns,
        plus=1,
        minus=0,
        relation=instance.relation,
        of_rule=instance.number,
        meta={"key": instance.key},
        severity=GX_SEVERITY[instance.rule.severity],
    )


class Outcome(Protocol):
    """What Great Expectations said of one expectation."""

    @property
    def unexpected(self) -> list[int]: ...

    @property
    def exception(self) -> str | None: ...


class Tallies:
    """How many checks of each rule came to which state, by the number of the disclosure."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._counts: dict[str, dict[State, Ints]] = {}

    def add(self, rule: str, state: State, disclosures: Ints | int, count: int = 1) -> None:
        """Count a check of each of these disclosures, which may repeat."""
        states = self._counts.setdefault(rule, {})
        counts = states.get(state)
        if counts is None:
            counts = states[state] = np.zeros(self._size, dtype=np.int64)
        if isinstance(disclosures, int):
            counts[disclosures] += count
        else:
            counts += count * np.bincount(disclosures, minlength=self._size)

    def any_of(self) -> list[set[str]]:
        """Per disclosure the rules of which anything was counted."""
        found: list[set[str]] = [set() for _ in range(self._size)]
        for rule, states in self._counts.items():
            for d in np.flatnonzero(np.any(list(states.values()), axis=0)).tolist():
                found[d].add(rule)
        return found

    def each(self) -> Iterator[dict[str, dict[State, int]]]:
        """The counts of each disclosure, without zeros."""
        kinds = [(rule, state) for rule, states in self._counts.items() for state in states]
        table = np.array(
            [counts for states in self._counts.values() for counts in states.values()],
            dtype=np.int64,
        ).reshape(len(kinds), self._size)
        for counts in np.ascontiguousarray(table.T):
            found: dict[str, dict[State, int]] = {}
            places = np.flatnonzero(counts)
            for place, n in zip(places.tolist(), counts[places].tolist(), strict=True):
                rule, state = kinds[place]
                mine = found.get(rule)
                if mine is None:
                    found[rule] = {state: n}
                else:
                    mine[state] = n
            yield found


class Bookkeeping(Protocol):
    """Where verdicts are kept, by the number of the disclosure in the batch."""

    builder: Builder
    ids: list[str]
    tallies: Tallies
    findings: list[list[Finding]]
    reasons: list[dict[str, dict[State, list[str]]]]


class CheckedMarts:
    """The marts of a batch for the rules that check stated figures. ``cell`` gives the operand of
    a fact and whether its reading is in doubt."""

    def __init__(
        self,
        books: Bookkeeping,
        instances: Iterable[CheckedInstance],
        cell: Callable[[int, str], tuple[Operand, bool]],
    ) -> None:
        self.books = books
        self._cell = cell
        rules = [i.rule for i in instances]
        told = narratives(books.builder)
        checks = NarrativeChecks(books.builder, told)
        statements = {r.id: r.check for r in rules if isinstance(r.check, StatementShape)}
        performed = {r.id: r.check for r in rules if isinstance(r.check, PerformanceShape)}
        performance, evaluated = build_performance_mart(books.builder, performed, checks)
        compared = {r.id: r.check for r in rules if isinstance(r.check, HistoryShape)}
        history, with_last_year = build_history_mart(books.builder, compared, checks)
        summed = {r.id: r.check for r in rules if isinstance(r.check, Summed)}
        units, with_units = build_unit_mart(books.builder, summed)
        reissued = {r.id: r.check for r in rules if isinstance(r.check, Reissued)}
        versions, with_versions = build_version_mart(books.builder, reissued)
        self.marts: dict[str, CheckMart] = {
            "statement": build_narrative_mart(checks, statements),
            "performance": performance,
            "history": history,
            "units": units,
            "versions": versions,
        }
        self.spoken = {
            "statement": frozenset(told),
            "performance": evaluated,
            "history": with_last_year,
            "units": with_units,
            "versions": with_versions,
        }

    def narrow(self, grain: str, instances: Sequence[CheckedInstance]) -> Mart:
        """The mart for one validation: the rows of some rules."""
        return self.marts[grain].mart(self.books.ids, {i.key: i.number for i in instances})

    def settle(self, instance: CheckedInstance, mart: Mart, outcome: Outcome) -> dict[str, object]:
        """Book the outcome of one expectation for every disclosure; returns its summary."""
        rule = instance.rule
        source = self.marts[rule.grain]
        difference, tolerance, known = numbers(mart.frame, parts_of(instance), instance.number)
        mine = known
        expected = known & violated(difference, tolerance, instance.relation)
        failed = np.zeros(len(mart.frame), dtype=bool)
        failed[outcome.unexpected] = True
        doubtful = failed != expected
        apart = np.maximum(-difference, 0) if instance.relation == "at_most" else difference
        rounded = mine & ~failed & ~doubtful & (apart != 0)
        left = source.missing[instance.key]
        summary: dict[str, object] = {
            "key": instance.key,
            "rule": rule.id,
            "version": rule.version,
            "title": rule.title,
            "equation": rule.equation,
            "severity": rule.severity.value,
            "expansion": [],
            "columns": [STATED, COMPUTED],
            "rows": len(mart.frame),
            "evaluated": int(mine.sum()),
            "unexpected": len(outcome.unexpected),
            "missing": sum(bool(row.missing) for row in left),
            "not_applicable": sum(bool(row.clause) for row in left),
            "within_rounding": int(rounded.sum()),
            "exception": outcome.exception,
        }
        self._book_left(rule, left, mart.disclosure[mine])
        if outcome.exception is not None:
            self._count(rule, State.ERROR, mart.disclosure[mine])
            for d in np.unique(mart.disclosure[mine]).tolist():
                self.books.findings[d].append(self._broken(d, rule, outcome.exception))
            return summary
        self._count(rule, State.WITHIN_ROUNDING, mart.disclosure[rounded])
        self._count(rule, State.EXACT, mart.disclosure[mine & ~failed & ~doubtful & ~rounded])
        self._count(rule, State.ERROR, mart.disclosure[doubtful])
        for d in np.unique(mart.disclosure[doubtful]).tolist():
            self.books.findings[d].append(
                self._broken(d, rule, "the validation and the mart disagree")
            )
        subjects: Counter[tuple[int, str]] = Counter()
        numbered = mart.frame["check"].tolist()
        for n in np.flatnonzero(failed & ~doubtful).tolist():
            row = source.rows[int(numbered[n])]
            subjects[row.disclosure, row.subject] += 1
            again = subjects[row.disclosure, row.subject]
            self._violated(rule, row, f"（{again}）" if again > 1 else "")
        return summary

    # -- what was not judged

    def _book_left(self, rule: Rule, left: Sequence[CheckRow], judged: Ints) -> None:
        spoken = self.spoken[rule.grain]
        evaluated = set(judged.tolist())
        recognised = self.books.builder.batch.disclosures["recognised"].tolist()
        told: set[int] = set()
        for row in left:
            told.add(row.disclosure)
            reasons = self.books.reasons[row.disclosure][rule.id]
            if row.clause in rule.exceptions:
                reason = f"{row.subject}（{rule.exception(rule.exceptions[row.clause])}）"
                reasons[State.NOT_APPLICABLE].append(reason)
            else:
                reasons[State.NOT_EVALUABLE].append(f"{row.subject}：{row.missing or row.clause}")
                self._count(rule, State.NOT_EVALUABLE, row.disclosure)
        # Every narrative states what the forms hold; the rest it may leave out.
        wanted = isinstance(rule.check, Tie) and rule.severity is Severity.ERROR
        for d in range(self.books.builder.size):
            if d in told or d in evaluated:
                continue
            state, why = State.NOT_APPLICABLE, _NO_FIGURE[rule.grain]
            if d not in spoken:
                why = _NOTHING_SAID[rule.grain]
                if recognised[d] and rule.grain in _NOT_READ:
                    state, why = State.NOT_EVALUABLE, _NOT_READ[rule.grain]
                elif wanted:
                    state = State.NOT_EVALUABLE
            self.books.reasons[d][rule.id][state].append(why)
            if state is State.NOT_EVALUABLE:
                self._count(rule, state, d)

    def _count(self, rule: Rule, state: State, disclosures: Ints | int) -> None:
        self.books.tallies.add(rule.id, state, disclosures)

    def _broken(self, d: int, rule: Rule, message: str) -> Finding:
        return Finding(
            disclosure_id=self.books.ids[d],
            rule=rule.id,
            subject="检查未能完成",
            severity=Severity.WARN,
            state=State.ERROR,
            message=f"本项检查因程序异常未能完成，不作结论：{message}",
        )

    # -- what is wrong

    def _violated(self, rule: Rule, row: CheckRow, again: str) -> None:
        operands = [self._operand(e, row.disclosure) for e in row.evidence]
        flat = [o for group in operands for o, _ in group]
        doubtful = row.doubtful or any(bad for group in operands for _, bad in group)
        stated = next((o for o in flat if o.role == "stated"), flat[0] if flat else None)
        difference = row.stated.value - row.computed.value
        tolerance = row.stated.half + row.computed.half
        names = {
            "subject": row.subject,
            "where": self._where(row),
            "stated": shown(row.stated.value, row.unit),
            "computed": shown(row.computed.value, row.unit),
            "difference": shown(abs(difference), row.unit),
            "tolerance": shown(tolerance, row.unit),
            "how": rule.computed_as or "",
            "detail": row.detail,
            "text": stated.text if stated else "",
        }
        subject, _, measure = row.subject.rpartition("／")
        if rule.grain != "performance":
            said = _MEASURES.get(measure, measure)
            names["subject"] = subject if subject.endswith(said) else f"{subject}{said}"
        pattern = rule.answer_no or (
            "$where“$subject”为 $stated，$how为 $computed，相差 $difference，"
            "超出四舍五入允许的 $tolerance。"
        )
        message = Template(pattern).safe_substitute(names)
        if doubtful:
            message += "所依据的内容未能全部可靠读出，可能是读取有误，请对照原文。"
        state = State.EXTRACTION_SUSPECT if doubtful else State.FAIL
        d = row.disclosure
        self._count(rule, state, d)
        money = row.unit in MONEY_UNITS
        self.books.findings[d].append(
            Finding(
                disclosure_id=self.books.ids[d],
                rule=rule.id,
                subject=(subject + "／" + _MEASURES.get(measure, measure) if subject else measure)
                + again,
                severity=Severity.INFO if doubtful else rule.severity,
                state=state,
                message=message,
                form=next((o.form for o in flat if o.form), None),
                stated_wan=from_ticks(row.stated.value) if money else None,
                computed_wan=from_ticks(row.computed.value) if money else None,
                difference_wan=from_ticks(difference) if money else None,
                tolerance_wan=from_ticks(tolerance) if money else None,
                sha256=stated.sha256 if stated else None,
                page=stated.page if stated else None,
                quote=self._quote(row),
                operands=tuple(flat),
                innocent=rule.innocent,
            )
        )

    def _stated(self, row: CheckRow) -> Evidence | None:
        return next((e for e in row.evidence if e.role == "stated"), None)

    def _quote(self, row: CheckRow) -> str | None:
        evidence = self._stated(row)
        if evidence is None:
            return None
        if evidence.source == "statement":
            return str(self.books.builder.batch.statements["quote"].iat[evidence.position])
        if evidence.source != "performance":
            return None
        return str(self.books.builder.batch.performance["text"].iat[evidence.position])

    def _where(self, row: CheckRow) -> str:
        evidence = self._stated(row)
        if evidence is not None and evidence.source == "address":
            return ""
        if evidence is None or evidence.source != "statement":
            return "绩效自评表"
        section = str(self.books.builder.batch.statements["section"].iat[evidence.position] or "")
        title = section.rpartition("/")[2]
        return f"“{title}”中" if title else "文字说明中"

    def _operand(self, evidence: Evidence, disclosure: int) -> list[tuple[Operand, bool]]:
        """The operands of a piece of evidence, each with whether its reading is in doubt."""
        batch = self.books.builder.batch
        if evidence.source == "statement":
            agreed = batch.statements["agreed"].iat[evidence.position]
            return [(_said(batch.statements, evidence), not agreed)]
        if evidence.source == "performance":
            agreed = batch.performance["agreed"].iat[evidence.position]
            return [(_performed(batch.performance, evidence), not agreed)]
        if evidence.source == "previous":
            assert batch.previous is not None
            return [(_elsewhere(batch.previous.facts, evidence, "上年"), False)]
        if evidence.source == "unit":
            assert batch.unit_accounts is not None
            return [(_of_unit(batch.unit_accounts, evidence), False)]
        cells = [evidence.position]
        if evidence.source == "address":
            assert evidence.address is not None
            cells = self.books.builder.cells(evidence.address, disclosure)
        return [self._cell(n, evidence.role) for n in cells]


def _said(frame: pd.DataFrame, evidence: Evidence) -> Operand:
    row = frame.iloc[evidence.position]
    value = number(row["value"])
    unit = str(row["unit"] or "")
    direction = str(row["direction"] or "")
    return Operand(
        form=None,
        side=None,
        row=str(row["subject"]),
        column=_MEASURES.get(str(row["measure"]), str(row["measure"])),
        name=f"{row['subject']}（{_MEASURES.get(str(row['measure']), row['measure'])}）",
        text=f"{direction}{'' if value is None else row['value']}{unit}",
        amount_wan=_wan(value, unit),
        page=None if pd.isna(row["page"]) else int(row["page"]),
        sha256=row["sha256"],
        role=evidence.role,
    )


def _of_unit(batch: Batch, evidence: Evidence) -> Operand:
    heads = batch.disclosures
    owner = batch.facts["disclosure_id"].iat[evidence.position]
    (agency,) = heads.loc[heads["disclosure_id"] == owner, "agency"]
    return _elsewhere(batch.facts, evidence, str(agency or ""))


def _elsewhere(frame: pd.DataFrame, evidence: Evidence, whose: str) -> Operand:
    """A cell of another disclosure's forms; ``form`` stays empty, for it names one of this one."""
    row = frame.iloc[evidence.position]
    title = forms()[str(row["form"])].title
    ticks = row["amount_ticks"]
    return Operand(
        form=None,
        side=None,
        row=str(row["row"]),
        column=str(row["column"]),
        name=f"{whose}《{title}》{row['name']}",
        text=str(row["text"] or ""),
        amount_wan=None if pd.isna(ticks) else from_ticks(int(ticks)),
        page=None if pd.isna(row["page"]) else int(row["page"]),
        sha256=row["sha256"],
        role=evidence.role,
    )


def _performed(frame: pd.DataFrame, evidence: Evidence) -> Operand:
    row = frame.iloc[evidence.position]
    measure = _MEASURES.get(str(row["measure"]), str(row["measure"]))
    return Operand(
        form=None,
        side=None,
        row=str(row["indicator"]),
        column=measure,
        name=f"{row['project']}／{row['indicator']}（{measure}）",
        text=str(row["text"] or ""),
        amount_wan=_wan(number(row["value"]), str(row["unit"] or "")),
        page=None if pd.isna(row["page"]) else int(row["page"]),
        sha256=row["sha256"],
        role=evidence.role,
    )


def _wan(value: Decimal | None, unit: str) -> Decimal | None:
    return MoneyUnit(unit).to_wan(value) if value is not None and unit in MONEY_UNITS else None


def shown(value: int, unit: str) -> str:
    """A figure of a check as auditors read it."""
    amount = from_ticks(value)
    if unit in MONEY_UNITS:
        return f"{amount:f} 万元"
    if unit == "%":
        exact = amount.normalize()
        places = Decimal("0.01") if abs(amount) >= Decimal("0.01") else Decimal("0.0001")
        return f"{exact.quantize(places):f} %"
    return f"{amount.normalize():f} {unit}".strip()
