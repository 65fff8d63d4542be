"""Where an identity is to be judged, and what keeps it from being judged elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from disclosures.forms import forms
from disclosures.verdicts import State
from expectations import wording
from expectations.catalogue import LEVEL_DIGITS, Instance, ParsedClause
from expectations.custom import Bools, Ints, Parts, numbers, violated
from warehouse.addresses import Gap
from warehouse.figures import nullable
from warehouse.marts import Builder, Mart


class Applicability:
    """Where the identities of a catalogue are to be judged. ``open`` tells per instance which
    disclosures neither years nor clauses keep from it, ``rows`` which rows of its mart."""

    def __init__(self, builder: Builder, disclosures: Mart) -> None:
        self.builder = builder
        self._disclosures = disclosures
        self.open: dict[str, Bools] = {}
        self.rows: dict[str, Bools] = {}
        self._clauses: dict[str, list[tuple[ParsedClause, Bools, Bools]]] = {}
        self._idle: dict[str, Bools] = {}
        self._strange: dict[str, Bools] = {}

    def mask(self, instance: Instance, mart: Mart) -> pd.Series[Any]:
        """1 where an identity is to be judged (for a question: its answer), NULL elsewhere."""
        rule = instance.rule
        year = self.builder.year
        applies = np.ones(self.builder.size, dtype=bool)
        if rule.since is not None:
            applies &= (year < 0) | (year >= rule.since)
        if rule.until is not None:
            applies &= (year < 0) | (year <= rule.until)
        clauses = [(c, *self._holds(c, rule.forms)) for c in instance.clauses]
        self._clauses[instance.key] = clauses
        for _, holds, known in clauses:
            applies &= holds & known
        self._idle[instance.key] = self._all_blank(instance)
        self._strange[instance.key] = self._has_strange_lines(instance)
        applies &= ~self._idle[instance.key] & ~self._strange[instance.key]
        self.open[instance.key] = applies
        rows = applies[mart.disclosure]
        if mart.name == "code":
            rows &= self._relevant(instance, mart)
        self.rows[instance.key] = rows
        if instance.question is None:
            return nullable(np.ones(len(rows), dtype=np.int64), rows)
        answer = mart.frame[instance.question.mart_column]
        known = rows & answer.notna().to_numpy(dtype=bool)
        return nullable(answer.fillna(0).to_numpy(dtype=np.int64), known)

    def _all_blank(self, instance: Instance) -> Bools:
        """Where every form of an identity is there and none holds an amount: zero equals zero,
        but nothing has been verified."""
        verifies = instance.question is None or instance.grain == "code"
        blank = np.full(self.builder.size, verifies, dtype=bool)
        for form in instance.forms:
            blank &= self.builder.present[form] & ~self.builder.has_amounts[form]
        return blank

    def _has_strange_lines(self, instance: Instance) -> Bools:
        """Where an identity down the lines of 01 or 04 meets a line with an amount whose name is
        not known: provinces add lines to the totals, and it may be one of the addends."""
        strange = np.zeros(self.builder.size, dtype=bool)
        adds = len(instance.terms) > 2 or any(a.row == "items" for a in instance.terms)
        if adds and instance.grain == "disclosure" and len(set(instance.forms)) == 1:
            for address in instance.terms:
                strange |= self.builder.unknown_line[address.form, address.side]
        return strange

    def _relevant(self, instance: Instance, mart: Mart) -> Bools:
        """Codes of the rule's levels that at least one of its forms speaks of."""
        codes = self.builder.codes
        relevant = np.zeros(len(mart.frame), dtype=bool)
        for form in instance.forms:
            relevant |= mart.printed[form]
        for form in instance.forms:
            relevant &= ~codes.kind_differs(forms()[form])
        if instance.rule.levels:
            digits = [d for level in instance.rule.levels for d in LEVEL_DIGITS[level]]
            relevant &= np.isin(codes.length[codes.row_code], digits)
        return relevant

    def _holds(self, parsed: ParsedClause, rule_forms: Sequence[str]) -> tuple[Bools, Bools]:
        """Per disclosure: whether a clause holds, and whether that can be told."""
        size = self.builder.size
        if parsed.printed is not None:
            present = self.builder.form_gap[parsed.printed.form] != Gap.FORM_ABSENT
            return self.builder.cell_printed(parsed.printed), present
        if parsed.clause.title_without:
            titles = [
                "".join(str(entry.get(f, {}).get("title", "")) for f in rule_forms)
                for entry in self.builder.batch.disclosures["forms"]
            ]
            words = parsed.clause.title_without
            clean = np.array([not any(w in t for w in words) for t in titles], dtype=bool)
            return clean, np.ones(size, dtype=bool)
        frame = self._disclosures.frame
        values: list[Ints] = []
        known = np.ones(size, dtype=bool)
        for address in parsed.addresses:
            series = frame[address.mart_column]
            known &= series.notna().to_numpy(dtype=bool)
            values.append(series.fillna(0).to_numpy(dtype=np.int64))
        table = np.vstack(values)
        if parsed.zero:
            return np.all(table == 0, axis=0), known
        if parsed.nonzero:
            return np.any(table != 0, axis=0), known
        if parsed.broken_down:
            return (table[0] == 0) | np.any(table[1:] != 0, axis=0), known
        one, other = parsed.same
        parts = Parts(
            one.mart_column,
            one.half_column,
            [other.mart_column],
            [],
            [other.addend_half_column],
        )
        difference, tolerance, known = numbers(frame, parts)
        return ~violated(difference, tolerance, "equal"), known

    def barred(self, instance: Instance, d: int) -> tuple[State | None, str]:
        """Whether years or clauses keep a whole disclosure from an identity."""
        rule, year = instance.rule, int(self.builder.year[d])
        if year >= 0 and rule.since is not None and year < rule.since:
            return State.NOT_APPLICABLE, rule.exception(rule.before)
        if year >= 0 and rule.until is not None and year > rule.until:
            return State.NOT_APPLICABLE, rule.exception(rule.after)
        if self._strange[instance.key][d] and instance.stated is not None:
            return State.NOT_EVALUABLE, wording.gap(instance.stated, Gap.UNKNOWN_LINE)
        if self._idle[instance.key][d]:
            return State.NOT_APPLICABLE, "相关报表没有金额"
        for parsed, holds, known in self._clauses[instance.key]:
            if not known[d]:
                if parsed.printed is not None:
                    return State.NOT_EVALUABLE, wording.gap(parsed.printed, Gap.FORM_ABSENT)
                for address in parsed.addresses:
                    why = Gap(int(self._disclosures.gaps[address.mart_column][d]))
                    if why != Gap.NONE:
                        state = State.NOT_APPLICABLE if why.inapplicable else State.NOT_EVALUABLE
                        return state, wording.gap(address, why)
            if not holds[d]:
                return State.NOT_APPLICABLE, rule.exception(parsed.clause.reason)
        return None, ""
