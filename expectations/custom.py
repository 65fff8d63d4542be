"""Custom Great Expectations for identities between rounded figures.

Built on ``BatchExpectation`` and ``MetricProvider`` of great_expectations 1.24, which lie outside
its documented API: the version is pinned and ``tests/expectations`` holds both engines to one
verdict.

All arithmetic is on 64-bit integers of 10⁻⁸ 万元 ("ticks"). A stated figure stands for the closed
interval of half a printed unit around it and so does every non-zero addend; the identity holds when
the two intervals meet::

    |stated − (Σ plus − Σ minus)| ≤ half(stated) + Σ half(non-zero addends)      equal
      (Σ plus − Σ minus) − stated ≤ half(stated) + Σ half(non-zero addends)      at_most

**NULL.** A row in which a figure, half unit or the applicability mask is NULL is not judged: it is
never unexpected. Both conditions say so in so many words, because left to themselves pandas would
raise on it or call it unexpected and SQL would drop it from either side of a ``NOT``. Who was not
judged, and why, is counted outside (:mod:`expectations.settling`): a missing figure never passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa
from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.execution_engine.execution_engine import ExecutionEngine
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.execution_engine.sqlalchemy_execution_engine import (
    SqlAlchemyExecutionEngine,
)
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metadata_types import FailureSeverity
from great_expectations.expectations.metrics.metric_provider import MetricProvider, metric_value
from great_expectations.util import get_sqlalchemy_selectable
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import ValidationDependencies

from disclosures.verdicts import Severity
from expectations.catalogue import Instance

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Relation = Literal["equal", "at_most"]

GX_SEVERITY: Final = {
    Severity.ERROR: FailureSeverity.CRITICAL,
    Severity.WARN: FailureSeverity.WARNING,
    Severity.INFO: FailureSeverity.INFO,
}


@dataclass(frozen=True)
class Parts:
    """The mart columns of an identity by their part in it.

    An expectation carries them as one list of columns and two counts, which Great Expectations
    copies and compares many times over for every metric.
    """

    stated: str
    stated_half: str
    plus: Sequence[str]
    minus: Sequence[str]
    halves: Sequence[str]
    mask: Sequence[str] = ()

    @classmethod
    def of(cls, instance: Instance) -> Parts:
        assert instance.stated is not None
        return cls(
            instance.stated.mart_column,
            instance.stated.half_column,
            [address.mart_column for address in instance.plus],
            [address.mart_column for address in instance.minus],
            [address.addend_half_column for address in instance.plus + instance.minus],
            [instance.mask_column],
        )

    @classmethod
    def unpack(cls, columns: Sequence[str], plus: int, minus: int) -> Parts:
        """The inverse of :attr:`columns`."""
        addends, halves = plus + minus, 2 + 2 * (plus + minus)
        return cls(
            columns[0],
            columns[1],
            columns[2 : 2 + plus],
            columns[2 + plus : 2 + addends],
            columns[2 + addends : halves],
            columns[halves:],
        )

    @property
    def columns(self) -> list[str]:
        """All of them, in a fixed order and none twice."""
        return [
            self.stated,
            self.stated_half,
            *self.plus,
            *self.minus,
            *self.halves,
            *self.mask,
        ]


def numbers(
    frame: pd.DataFrame, parts: Parts, of_rule: int | None = None
) -> tuple[Ints, Ints, Bools]:
    """``(difference, tolerance, known)`` per row: stated − computed and what rounding explains.
    With ``of_rule`` the mask is not one of ones but of numbers, and other rules' are unknown.

    Where ``known`` is False a figure is NULL and the other two mean nothing.
    """
    known = np.ones(len(frame), dtype=bool)

    def read(column: str) -> Ints:
        nonlocal known
        figures = frame[column].array
        known &= ~figures.isna()
        return np.asarray(figures.to_numpy(dtype=np.int64, na_value=0))

    # What is read may be the mart itself.
    difference = read(parts.stated).copy()
    for column in parts.plus:
        difference -= read(column)
    for column in parts.minus:
        difference += read(column)
    tolerance = read(parts.stated_half).copy()
    for column in parts.halves:
        tolerance += read(column)
    for column in parts.mask:
        mask = read(column)
        if of_rule is not None:
            known &= mask == of_rule
    return difference, tolerance, known


def violated(difference: Ints, tolerance: Ints, relation: str) -> Bools:
    """Where the intervals do not meet. Closed intervals: touching is meeting."""
    excess = -difference if relation == "at_most" else np.abs(difference)
    return np.asarray(excess > tolerance, dtype=bool)


ROW: Final = "mart_row"


class LinearIdentityViolations(MetricProvider):
    """The rows that violate an identity: the metric behind
    :class:`ExpectLinearIdentityWithinRounding`."""

    metric_name = "linear_identity.violations"
    domain_keys = ("batch_id",)
    value_keys = ("column_list", "plus", "minus", "relation", "of_rule", "named_by")

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ) -> list[Any]:
        asked = metric_value_kwargs
        frame = execution_engine.get_domain_records(domain_kwargs=metric_domain_kwargs)
        parts = Parts.unpack(asked["column_list"], asked["plus"], asked["minus"])
        difference, tolerance, known = numbers(frame, parts, asked["of_rule"])
        return _names(
            frame, known & violated(difference, tolerance, asked["relation"]), asked["named_by"]
        )

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ) -> list[Any]:
        asked = metric_value_kwargs
        parts = Parts.unpack(asked["column_list"], asked["plus"], asked["minus"])
        difference = _integer(parts.stated)
        for column in parts.plus:
            difference = difference - _integer(column)
        for column in parts.minus:
            difference = difference + _integer(column)
        tolerance = _integer(parts.stated_half)
        for column in parts.halves:
            tolerance = tolerance + _integer(column)
        excess = -difference if asked["relation"] == "at_most" else sa.func.abs(difference)
        mine = [_integer(c) == asked["of_rule"] for c in parts.mask if asked["of_rule"] is not None]
        known = [_integer(c).is_not(None) for c in parts.columns]
        condition = sa.and_(*known, *mine, excess > tolerance)
        return _named_in(execution_engine, metric_domain_kwargs, condition, asked["named_by"])


class AnswersOtherThanYes(MetricProvider):
    """The rows in which a question is answered, but not with 1: the metric behind
    :class:`ExpectAnswerYes`."""

    metric_name = "answer.other_than_yes"
    domain_keys = ("batch_id",)
    value_keys = ("column", "named_by")

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ) -> list[Any]:
        frame = execution_engine.get_domain_records(domain_kwargs=metric_domain_kwargs)
        answers = frame[metric_value_kwargs["column"]].to_numpy(dtype=np.int64, na_value=1)
        return _names(frame, answers != 1, metric_value_kwargs["named_by"])

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ) -> list[Any]:
        # NULL is neither equal to 1 nor not.
        condition = _integer(metric_value_kwargs["column"]) != 1
        return _named_in(
            execution_engine, metric_domain_kwargs, condition, metric_value_kwargs["named_by"]
        )


def _names(frame: pd.DataFrame, chosen: Bools, named_by: str) -> list[Any]:
    """What names the chosen rows: a column, or the index where it bears that name."""
    rows = np.flatnonzero(chosen)
    if named_by in frame.columns:
        return list(frame[named_by].iloc[rows].tolist())
    if frame.index.name != named_by:
        raise KeyError(named_by)
    return list(frame.index[rows].tolist()) if len(rows) else []


def _integer(column: str) -> sa.ColumnElement[int]:
    return sa.column(column, sa.BigInteger)


def _named_in(
    execution_engine: SqlAlchemyExecutionEngine,
    domain: dict[str, Any],
    condition: sa.ColumnElement[bool],
    named_by: str,
) -> list[Any]:
    """What names the rows of a table that meet a condition, in order."""
    table = get_sqlalchemy_selectable(execution_engine.get_domain_records(domain_kwargs=domain))
    name: sa.ColumnElement[Any] = sa.column(named_by)
    query = sa.select(name).select_from(table).where(condition).order_by(name)
    return [row[0] for row in execution_engine.execute_query(query).fetchall()]


class _ExpectNoRows(BatchExpectation):
    """An expectation that a metric, which names the rows that violate it, names none.

    The map expectations of Great Expectations ask eight metrics for the same, most of which copy
    the mart, and their list of rows is cut in databases. The configuration is written once here:
    it is asked for again and again, and would be written anew for each argument that is looked up.
    """

    violations: ClassVar[str]
    asks: ClassVar[tuple[str, ...]]

    named_by: str = ROW

    _configuration: ExpectationConfiguration | None = PrivateAttr(default=None)

    @property
    def configuration(self) -> ExpectationConfiguration:
        if self._configuration is None:
            self._configuration = super().configuration
        return self._configuration

    def get_validation_dependencies(
        self,
        execution_engine: ExecutionEngine[Any] | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> ValidationDependencies:
        asked = {key: getattr(self, key) for key in self.asks}
        metric = MetricConfiguration(self.violations, {"batch_id": self.batch_id}, asked)
        return ValidationDependencies(
            metric_configurations={self.violations: metric},
            result_format=(runtime_configuration or {}).get("result_format", {}),
        )

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        rows = metrics[self.violations]
        return {
            "success": not rows,
            "result": {"unexpected_count": len(rows), "unexpected_index_list": rows},
        }


class ExpectAnswerYes(_ExpectNoRows):
    """Expect a question to be answered yes (1) wherever it is answered at all."""

    violations = AnswersOtherThanYes.metric_name
    asks = AnswersOtherThanYes.value_keys
    success_keys: ClassVar[tuple[str, ...]] = asks

    column: str

    @classmethod
    def of(cls, instance: Instance) -> ExpectAnswerYes:
        """The expectation of one question; its meta names it."""
        return cls(
            column=instance.mask_column,
            meta={"key": instance.key},
            severity=GX_SEVERITY[instance.rule.severity],
        )


class ExpectLinearIdentityWithinRounding(_ExpectNoRows):
    """Expect a stated figure to equal (or not to fall below) a sum of others within the rounding
    of what is printed. ``column_list`` is :attr:`Parts.columns`; ``plus`` and ``minus`` say how
    many addends it holds. With ``of_rule`` only rows whose mask is this number are looked at.
    ``named_by`` is the column, or the index of a frame, that names the rows of a mart."""

    violations = LinearIdentityViolations.metric_name
    asks = LinearIdentityViolations.value_keys
    success_keys: ClassVar[tuple[str, ...]] = asks

    column_list: list[str]
    plus: int
    minus: int = 0
    relation: Relation = "equal"
    of_rule: int | None = None

    @classmethod
    def of(cls, instance: Instance) -> ExpectLinearIdentityWithinRounding:
        """The expectation of one identity; its meta names it."""
        return cls(
            column_list=Parts.of(instance).columns,
            plus=len(instance.plus),
            minus=len(instance.minus),
            relation="at_most" if instance.rule.relation == "at_most" else "equal",
            meta={"key": instance.key},
            severity=GX_SEVERITY[instance.rule.severity],
        )
