"""From outcomes to findings, scores and causes.

What Great Expectations cannot say is read off the mart beside it: whether a pass was exact or
within rounding, which figures were missing and why, and which cells took part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from string import Template
from typing import Any, Final

import numpy as np
import pandas as pd

from disclosures.amounts import TICKS_PER_WAN, CellState, MoneyUnit, parse_amount
from disclosures.forms import forms
from disclosures.verdicts import Cause, Finding, Judgement, Operand, Severity, State
from expectations import wording
from expectations.applicability import Applicability
from expectations.catalogue import Catalogue, Instance
from expectations.causes import Sources, causes
from expectations.checked import Tallies
from expectations.custom import Bools, Ints, Parts, numbers, violated
from expectations.equations import Equations
from expectations.scoring import score_disclosure
from expectations.validating import Outcome
from warehouse.addresses import Address, Gap
from warehouse.batches import Batch
from warehouse.marts import Builder, Mart, build_marts


@dataclass
class Case:
    """A batch before the catalogue: marts, applicability, and what was found so far."""

    batch: Batch
    catalogue: Catalogue
    marts: dict[str, Mart] = field(init=False)
    builder: Builder = field(init=False)

    def __post_init__(self) -> None:
        instances = self.catalogue.instances
        addresses = {a for i in instances for a in i.terms}
        addresses |= {a for i in instances for c in i.clauses for a in c.addresses}
        questions = {i.question for i in instances if i.question is not None}
        self.builder, disclosure, code = build_marts(self.batch, addresses, questions)
        self.marts = {"disclosure": disclosure, "code": code}
        self.ids = [str(i) for i in self.batch.disclosures["disclosure_id"]]
        self.tallies = Tallies(len(self.ids))
        self.findings: list[list[Finding]] = [[] for _ in self.ids]
        # Why a whole rule is out of question: disclosure -> rule -> reasons.
        self.reasons: list[dict[str, dict[State, list[str]]]] = [
            defaultdict(lambda: defaultdict(list)) for _ in self.ids
        ]
        # Per linear identity the rows of its mart that were judged, and that violate it.
        self.judged: dict[str, Bools] = {}
        self.failed: dict[str, Bools] = {}
        # Disclosures share most of what is said of rules that were not judged.
        self._notes: dict[tuple[str, ...], str] = {}
        self.applicability = Applicability(self.builder, disclosure)
        for mart in list(self.marts.values()):
            mine = [i for i in instances if i.grain == mart.name]
            self.marts[mart.name] = mart.with_columns(
                {i.mask_column: self.applicability.mask(i, mart) for i in mine}
            )

    # -- marts for one suite

    def narrow(self, mart: Mart, instances: Iterable[Instance]) -> Mart:
        """The mart with the columns that a suite needs."""
        needed: dict[str, None] = dict.fromkeys(mart.keys)
        for instance in instances:
            if instance.question is None:
                needed.update(dict.fromkeys(Parts.of(instance).columns))
            else:
                needed[instance.mask_column] = None
        return Mart(mart.name, mart.keys, mart.frame[list(needed)], mart.disclosure, mart.gaps)

    # -- verdicts

    def settle(self, instance: Instance, mart: Mart, outcome: Outcome) -> dict[str, object]:
        """Book the outcome of one expectation for every disclosure; returns its summary."""
        rows = self.applicability.rows[instance.key]
        gap_kind = self._gap_kind(instance, mart)
        judged = rows & (gap_kind == 0)
        rule = instance.rule
        summary: dict[str, object] = {
            "key": instance.key,
            "rule": rule.id,
            "version": rule.version,
            "title": rule.title,
            "equation": rule.equation,
            "severity": rule.severity.value,
            "expansion": list(instance.expansion),
            "columns": [str(a) for a in instance.terms] or [instance.mask_column],
            "rows": len(mart.frame),
            "evaluated": int(judged.sum()),
            "unexpected": len(outcome.unexpected),
            "missing": int((rows & (gap_kind == 2)).sum()),
            "not_applicable": int((~rows | (gap_kind == 1)).sum()),
            "within_rounding": 0,
            "exception": outcome.exception,
        }
        self._book_gaps(instance, mart, rows, gap_kind)
        if outcome.exception is not None:
            self.tallies.add(rule.id, State.ERROR, mart.disclosure[judged])
            for d in np.unique(mart.disclosure[judged]).tolist():
                self.findings[d].append(self._broken(d, instance, outcome.exception))
            return summary
        failed = np.zeros(len(mart.frame), dtype=bool)
        failed[outcome.unexpected] = True
        if instance.question is not None:
            self.tallies.add(rule.id, State.EXACT, mart.disclosure[judged & ~failed])
            for row in outcome.unexpected:
                self._answered_no(instance, mart, row)
            return summary
        parts = Parts.of(instance)
        difference, tolerance, known = numbers(mart.frame, parts)
        expected = known & violated(difference, tolerance, instance.rule.relation)
        doubtful = failed != expected
        apart = np.maximum(-difference, 0) if instance.rule.relation == "at_most" else difference
        rounded = judged & ~failed & ~doubtful & (apart != 0)
        summary["within_rounding"] = int(rounded.sum())
        exact = judged & ~failed & ~doubtful & ~rounded
        self.tallies.add(rule.id, State.WITHIN_ROUNDING, mart.disclosure[rounded])
        self.tallies.add(rule.id, State.EXACT, mart.disclosure[exact])
        self.tallies.add(rule.id, State.ERROR, mart.disclosure[doubtful])
        for d in np.unique(mart.disclosure[doubtful]).tolist():
            self.findings[d].append(
                self._broken(d, instance, "the validation and the mart disagree")
            )
        self.judged[instance.key] = judged & ~doubtful
        self.failed[instance.key] = failed & ~doubtful
        for row in np.flatnonzero(failed & ~doubtful).tolist():
            self._violated(instance, mart, row, int(difference[row]), int(tolerance[row]))
        return summary

    def _gap_kind(self, instance: Instance, mart: Mart) -> Ints:
        """Per row: 0 all figures known, 1 one cannot exist, 2 one is missing."""
        kind = np.zeros(len(mart.frame), dtype=np.int64)
        columns = (
            [instance.question.mart_column]
            if instance.question is not None
            else [address.mart_column for address in instance.terms]
        )
        inapplicable = np.array([g.inapplicable for g in Gap], dtype=bool)
        for column in columns:
            gaps = mart.gaps[column]
            kind[(gaps != 0) & ~inapplicable[gaps] & (kind == 0)] = 2
            kind[inapplicable[gaps]] = 1
        return kind

    def _book_gaps(self, instance: Instance, mart: Mart, rows: Bools, gap_kind: Ints) -> None:
        """Note per disclosure what was not judged, and why."""
        rule = instance.rule
        for d in np.flatnonzero(~self.applicability.open[instance.key]).tolist():
            state, reason = self.applicability.barred(instance, d)
            if state is not None:
                self.reasons[d][rule.id][state].append(reason)
                if state is State.NOT_EVALUABLE:
                    self.tallies.add(instance.rule.id, state, d)
        missing = rows & (gap_kind == 2)
        for row in np.flatnonzero(missing).tolist():
            d = int(mart.disclosure[row])
            self.tallies.add(instance.rule.id, State.NOT_EVALUABLE, d)
            self.reasons[d][rule.id][State.NOT_EVALUABLE].append(self._why(instance, mart, row))
        for row in np.flatnonzero(rows & (gap_kind == 1)).tolist():
            d = int(mart.disclosure[row])
            noted = self.reasons[d][rule.id][State.NOT_APPLICABLE]
            if not noted:
                noted.append(self._why(instance, mart, row))
        if mart.name == "code":
            spoken = self.builder.mark(mart.disclosure[rows])
            for d in np.flatnonzero(~spoken).tolist():
                if self.reasons[d][rule.id]:
                    continue
                absent = next(
                    (f for f in instance.forms if self.builder.form_gap[f][d] == Gap.FORM_ABSENT),
                    None,
                )
                if absent is None:
                    self.reasons[d][rule.id][State.NOT_APPLICABLE].append("没有相应的科目")
                else:
                    self.tallies.add(instance.rule.id, State.NOT_EVALUABLE, d)
                    self.reasons[d][rule.id][State.NOT_EVALUABLE].append(
                        f"未读到《{forms()[absent].title}》"
                    )

    def _why(self, instance: Instance, mart: Mart, row: int) -> str:
        """The reason why one row of a mart could not be judged."""
        code = self._code(mart, row)
        if instance.question is not None:
            why = Gap(int(mart.gaps[instance.question.mart_column][row]))
            if why is Gap.UNKNOWN and instance.rule.unknown:
                return instance.rule.unknown
            return wording.form_gap(instance.question.argument, why)
        for address in instance.terms:
            why = Gap(int(mart.gaps[address.mart_column][row]))
            if why != Gap.NONE:
                return wording.gap(address, why, code)
        return ""

    @staticmethod
    def _code(mart: Mart, row: int) -> str | None:
        return str(mart.frame["code"].iat[row]) if mart.name == "code" else None

    def _broken(self, d: int, instance: Instance, message: str) -> Finding:
        return Finding(
            disclosure_id=self.ids[d],
            rule=instance.rule.id,
            subject="／".join(("检查未能完成", *instance.expansion)),
            severity=Severity.WARN,
            state=State.ERROR,
            message=f"本项检查因程序异常未能完成，不作结论：{message}",
            form=instance.forms[0] if instance.forms else None,
        )

    def _answered_no(self, instance: Instance, mart: Mart, row: int) -> None:
        d, rule = int(mart.disclosure[row]), instance.rule
        assert instance.question is not None
        assert rule.answer_no is not None
        argument = instance.question.argument
        form = argument if argument in forms() else None
        code = self._code(mart, row)
        detail = mart.details[instance.question.mart_column].get(row, "")
        year = int(self.builder.year[d])
        sentence = Template(rule.answer_no).safe_substitute(
            form=forms()[form].title if form else "",
            detail=detail or "未列示",
            year="" if year < 0 else year,
            code=code or "",
        )
        cells = self._cells_of_code(d, code, rule.forms) if code else []
        operands = tuple(self._operand(n, "addend") for n in cells)
        first = next((o for o in operands if o.page is not None), None)
        doubtful = any(self._doubtful(n) for n in cells)
        state = State.EXTRACTION_SUSPECT if doubtful else State.FAIL
        self.tallies.add(instance.rule.id, state, d)
        self.findings[d].append(
            Finding(
                disclosure_id=self.ids[d],
                rule=rule.id,
                subject=wording.subject(instance, code),
                severity=Severity.INFO if doubtful else rule.severity,
                state=state,
                message=sentence,
                form=form,
                sha256=first.sha256 if first else None,
                page=first.page if first else None,
                operands=operands,
                innocent=rule.innocent,
            )
        )

    def _violated(
        self, instance: Instance, mart: Mart, row: int, difference: int, tolerance: int
    ) -> None:
        d, rule = int(mart.disclosure[row]), instance.rule
        assert instance.stated is not None
        code = self._code(mart, row)
        stated_cells = self._cells(instance.stated, d, code)
        operands = [self._operand(n, "stated") for n in stated_cells]
        doubtful = sum(self._doubtful(n) for n in stated_cells)
        for address in instance.plus + instance.minus:
            role = "addend" if address in instance.plus else "subtrahend"
            for n in self._cells(address, d, code):
                doubtful += self._doubtful(n)
                operands.append(self._operand(n, role))
        stated = int(mart.frame[instance.stated.mart_column].to_numpy(np.int64, na_value=0)[row])
        first = next((o for o in operands if o.role == "stated"), None)
        located = first or next((o for o in operands if o.page is not None), None)
        message = wording.violation(
            instance,
            code=code,
            name=first.name if first else self._name_of(d, code),
            stated=stated,
            computed=stated - difference,
            tolerance=tolerance,
            blank=first is None or first.amount_wan is None,
        )
        state = State.EXTRACTION_SUSPECT if doubtful else State.FAIL
        if doubtful:
            message += f"其中 {doubtful} 个数字各读取程序的结果不一致，可能是读取有误，请对照原文。"
        self.tallies.add(instance.rule.id, state, d)
        self.findings[d].append(
            Finding(
                disclosure_id=self.ids[d],
                rule=rule.id,
                subject=wording.subject(instance, code),
                severity=Severity.INFO if doubtful else rule.severity,
                state=state,
                message=message,
                form=instance.stated.form,
                stated_wan=wording.amount(stated),
                computed_wan=wording.amount(stated - difference),
                difference_wan=wording.amount(difference),
                tolerance_wan=wording.amount(tolerance),
                sha256=located.sha256 if located else None,
                page=located.page if located else None,
                quote=first.text if first else None,
                operands=tuple(operands),
                innocent=rule.innocent,
            )
        )

    # -- cells

    @cached_property
    def _columns(self) -> dict[str, Any]:
        facts = self.batch.facts
        return {c: facts[c].array for c in facts.columns}

    def _cells(self, address: Address, d: int, code: str | None) -> list[int]:
        """Positions of the facts behind a figure; zeros of sums are left out."""
        return self.builder.cells(address, d, code)

    def _name_of(self, d: int, code: str | None) -> str | None:
        """The name that some form of the disclosure prints beside a code."""
        facts = self.batch.facts_of(self.ids[d])
        names = facts.loc[facts["row"] == code, "name"]
        return str(names.iloc[0]) if len(names) else None

    def _doubtful(self, position: int) -> bool:
        facts = self._columns
        return not facts["agreed"][position] or (
            facts["state"][position] == CellState.UNREADABLE.value
        )

    def _operand(self, position: int, role: str) -> Operand:
        facts = self._columns
        ticks = facts["amount_ticks"][position]
        page = facts["page"][position]
        return Operand(
            form=facts["form"][position],
            side=facts["side"][position] or None,
            row=facts["row"][position],
            column=facts["column"][position],
            name=facts["name"][position] or "",
            text=facts["text"][position] or "",
            amount_wan=None if pd.isna(ticks) else wording.amount(int(ticks)),
            page=None if pd.isna(page) else int(page),
            sha256=facts["sha256"][position],
            role=role,
        )

    def operand(self, position: int, role: str) -> tuple[Operand, bool]:
        """A cell as an operand, and whether its reading is in doubt."""
        return self._operand(position, role), self._doubtful(position)

    def _cells_of_code(self, d: int, code: str, rule_forms: Sequence[str]) -> list[int]:
        """The first cell per form of a row, for a finding about a code's name."""
        cells = (
            next(iter(self.builder.cells(Address(f, "", "each", "total"), d, code)), None)
            for f in rule_forms
        )
        return [n for n in cells if n is not None]

    # -- judgements

    def judgements(self) -> list[Judgement]:
        """One judgement per disclosure, findings most severe first."""
        result = []
        counted = self.tallies.any_of()
        for d in range(len(self.ids)):
            self._note_unjudged(d, counted[d])
        causes_of = [self._causes(d) for d in range(len(self.ids))]
        for disclosure_id, d, found, tallies in zip(
            self.ids, range(len(self.ids)), causes_of, self.tallies.each(), strict=True
        ):
            score = score_disclosure(tallies, self.catalogue)
            checks: dict[str, int] = {}
            for tally in tallies.values():
                for state, n in tally.items():
                    checks[state.value] = checks.get(state.value, 0) + n
            result.append(
                Judgement(
                    disclosure_id=disclosure_id,
                    ruleset=self.catalogue.version,
                    score=score.score,
                    grade=score.grade,
                    dimensions=score.dimensions,
                    coverage=score.coverage,
                    checks=checks,
                    findings=tuple(sorted(self.findings[d], key=_gravity)),
                    causes=tuple(found),
                    capped=score.capped,
                    context=self.batch.contexts.get(disclosure_id, ""),
                )
            )
        return result

    # -- causes

    @cached_property
    def equations(self) -> Equations:
        """The judged identities over the cells of a disclosure; for use once all are settled."""
        return Equations(
            self.builder, self.marts, self.catalogue.instances, self.judged, self.failed
        )

    def _causes(self, d: int) -> list[Cause]:
        """What explains a disclosure's violated identities; findings are told their cause."""
        if not any(self._is_certain(f) for f in self.findings[d]):
            return []  # only what forms themselves define says which figure is wrong
        found = causes(
            self.equations.system(d),
            Sources(self._operand, lambda n: self._columns["name"][n] or "", self._seen),
        )
        explained: dict[tuple[str, str], list[Cause]] = defaultdict(list)
        for cause in found:
            if cause.option == 0:
                for key in cause.explains:
                    explained[key].append(cause)
        self.findings[d] = [
            self._caused(d, finding, explained.get((finding.rule, finding.subject), []))
            for finding in self.findings[d]
        ]
        return found

    def _is_certain(self, finding: Finding) -> bool:
        """Whether a finding is a violated identity that a form defines."""
        if finding.stated_wan is None or finding.state not in _VIOLATED:
            return False
        rule = self.catalogue.by_id[finding.rule]
        return rule.check is None and rule.severity is Severity.ERROR

    def _caused(self, d: int, finding: Finding, of: Sequence[Cause]) -> Finding:
        if not of:
            return finding
        misread = all(c.state is State.EXTRACTION_SUSPECT for c in of)
        if not misread or finding.state is not State.FAIL:
            return replace(finding, cause=of[0].ordinal)
        self.tallies.add(finding.rule, State.FAIL, d, -1)
        self.tallies.add(finding.rule, State.EXTRACTION_SUSPECT, d)
        return replace(
            finding,
            cause=of[0].ordinal,
            state=State.EXTRACTION_SUSPECT,
            severity=Severity.INFO,
            message=finding.message + of[0].message,
        )

    def _seen(self, position: int) -> list[tuple[str, int]]:
        """What readers saw in a cell other than what was taken, in ticks."""
        unit = MoneyUnit(self._columns["unit"][position])
        seen = []
        for reader, text in self._columns["seen"][position] or ():
            amount = parse_amount(text).wan(unit)
            if amount is not None:
                seen.append((str(reader), int(amount * TICKS_PER_WAN)))
        return seen

    def _note_unjudged(self, d: int, counted: Container[str]) -> None:
        """One finding per rule that could not be judged in part, or does not apply at all;
        ``counted`` are the rules of which anything was counted."""
        for rule_id, states in self.reasons[d].items():
            rule = self.catalogue.by_id[rule_id]
            for state, title in _UNJUDGED:
                noted = states.get(state)
                # What was judged anywhere in a disclosure applies to it.
                if not noted or (state is State.NOT_APPLICABLE and rule_id in counted):
                    continue
                key = (rule_id, state, *noted)
                message = self._notes.get(key)
                if message is None:
                    message = self._notes[key] = _note(rule.title, title, noted)
                if not message:
                    continue
                if state is State.NOT_APPLICABLE:
                    self.tallies.add(rule_id, state, d)
                self.findings[d].append(
                    Finding(
                        disclosure_id=self.ids[d],
                        rule=rule_id,
                        subject=title,
                        severity=Severity.INFO,
                        state=state,
                        message=message,
                        form=rule.forms[0] if len(rule.forms) == 1 else None,
                    )
                )


def _note(rule: str, title: str, noted: Iterable[str]) -> str:
    """What was not judged, and the first reasons why; empty where there is none."""
    reasons = list(dict.fromkeys(r for r in noted if r))
    return wording.unjudged(rule, title, reasons) if reasons else ""


_VIOLATED: Final = frozenset({State.FAIL, State.EXTRACTION_SUSPECT})
_UNJUDGED: Final = ((State.NOT_EVALUABLE, "未能检查"), (State.NOT_APPLICABLE, "不适用"))
_STATE_ORDER: Final = {
    state: place
    for place, state in enumerate(
        (
            State.FAIL,
            State.EXTRACTION_SUSPECT,
            State.ERROR,
            State.NOT_EVALUABLE,
            State.NOT_APPLICABLE,
        )
    )
}
_SEVERITY_ORDER: Final = {
    severity: place for place, severity in enumerate((Severity.ERROR, Severity.WARN, Severity.INFO))
}


def _gravity(finding: Finding) -> tuple[int, int, str, str, str]:
    return (
        _STATE_ORDER[finding.state],
        _SEVERITY_ORDER[finding.severity],
        finding.form or "",
        finding.rule,
        finding.subject,
    )
