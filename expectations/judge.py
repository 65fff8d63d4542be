"""Judging a batch: one Great Expectations validation per suite and grain, findings and scores."""

from __future__ import annotations

import gc
import threading
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Engine

from disclosures.verdicts import Judgement, ValidationSummary
from expectations.catalogue import Catalogue
from expectations.checked import CheckedMarts
from expectations.equations import Equations
from expectations.settling import Case
from expectations.validating import Outcome, new_context, no_cycles, quiet, validate
from warehouse.batches import Batch

#: Disclosures from which on the time for finding what can be given back does not matter.
_LARGE: Final = 200

#: Great Expectations knows one context per process: the last one that was made.
_ONE_AT_A_TIME: Final = threading.Lock()


@dataclass(frozen=True)
class JudgedBatch:
    """``judgements`` in the order of the batch; ``validations`` one per suite and grain;
    ``equations`` writes the judged identities of a disclosure over its cells."""

    judgements: list[Judgement]
    validations: list[ValidationSummary]
    equations: Equations | None = field(default=None, repr=False)


def judge_batch(
    batch: Batch,
    catalogue: Catalogue,
    *,
    sql_engine: Engine | None = None,
    batch_name: str = "batch",
    mart_prefix: str = "out_mart_",
) -> JudgedBatch:
    """Judge every disclosure of a batch by every rule of a catalogue.

    With ``sql_engine`` the marts are written to tables ``out_mart_…`` of that database and the
    expectations run there; verdicts are the same. An in-memory SQLite database cannot be used,
    because Great Expectations opens its own connection.

    A failing rule is a finding, never an exception; a rule that could not be run is a finding in
    state ``error``.
    """
    if not len(batch):
        return JudgedBatch([], [])
    if len(batch) >= _LARGE:
        gc.collect()  # what Great Expectations keeps of the batch before holds whole marts
    with _ONE_AT_A_TIME, quiet(), no_cycles():
        return _judge(batch, catalogue, sql_engine, batch_name, mart_prefix)


def _judge(
    batch: Batch, catalogue: Catalogue, sql_engine: Engine | None, batch_name: str, mart_prefix: str
) -> JudgedBatch:
    case = Case(batch, catalogue)
    stated = CheckedMarts(case, catalogue.checked, case.operand)
    validations: list[ValidationSummary] = []
    context = new_context()
    for suite in catalogue.suites:
        rules = {rule.id for rule in suite.rules}
        for grain, mart in case.marts.items():
            instances = [i for i in catalogue.instances if i.grain == grain and i.rule.id in rules]
            if not instances:
                continue
            narrow = case.narrow(mart, instances)
            outcomes, success = validate(context, suite, narrow, instances, sql_engine, mart_prefix)
            results = [case.settle(i, mart, outcomes[i.key]) for i in instances]
            validations.append(
                ValidationSummary(
                    suite=f"{suite.name}.{grain}",
                    batch=batch_name,
                    success=success,
                    rows=len(mart.frame),
                    results=tuple(results),
                )
            )
        for grain in stated.marts:
            checked = [i for i in catalogue.checked if i.rule.id in rules]
            checked = [i for i in checked if i.rule.grain == grain]
            if not checked:
                continue
            narrow = stated.narrow(grain, checked)
            # Databases and Great Expectations alike dislike tables without rows.
            outcomes, success = (
                validate(context, suite, narrow, checked, sql_engine, mart_prefix)
                if len(narrow.frame)
                else ({i.key: Outcome([]) for i in checked}, True)
            )
            results = [stated.settle(i, narrow, outcomes[i.key]) for i in checked]
            validations.append(
                ValidationSummary(
                    suite=f"{suite.name}.{grain}",
                    batch=batch_name,
                    success=success,
                    rows=len(narrow.frame),
                    results=tuple(results),
                )
            )
    return JudgedBatch(case.judgements(), validations, case.equations)
