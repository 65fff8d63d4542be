"""Custom Great Expectations for identities between rounded figures.

Built on ``MulticolumnMapMetricProvider`` of great_expectations 1.24, which lies outside its
documented API: the version is pinned and ``tests/expectations`` holds both engines to one verdict.

All arithmetic is on 64-bit integers of 10⁻⁸ 万元 ("ticks"). A stated figure stands for the closed
interval of half a printed unit around it and so does every non-zero addend; the identity holds when
the two intervals meet::

    |stated − (Σ plus − Σ minus)| ≤ half(stated) + Σ half(non-zero addends)      equal
      (Σ plus − Σ minus) − stated ≤ half(stated) + Σ half(non-zero addends)      at_most

**NULL.** A row in which a figure, half unit or the applicability mask is NULL is not judged: it is
never unexpected. Both conditions say so in so many words, because left to themselves pandas would
raise on it or call it unexpected and SQL would drop it from either side of a ``NOT``. Who was not
judged, and why, is counted outside (:mod:`expectations.judge`): a missing figure never passes.
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
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.execution_engine.sqlalchemy_execution_engine import (
    SqlAlchemyExecutionEngine,
)
from great_expectations.expectations.core.expect_column_values_to_be_in_set import (
    ExpectColumnValuesToBeInSet,
)
from great_expectations.expectations.expectation import Expectation, MulticolumnMapExpectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metadata_types import FailureSeverity
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (  # noqa: E501
    multicolumn_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_map_metric_provider import (  # noqa: E501
    MulticolumnMapMetricProvider,
)

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
        series = frame[column]
        known &= series.notna().to_numpy(dtype=bool)
        return series.to_numpy(dtype=np.int64, na_value=0)

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


class LinearIdentityWithinRounding(MulticolumnMapMetricProvider):
    """The map metric behind :class:`ExpectLinearIdentityWithinRounding`."""

    condition_metric_name = "linear_identity.within_rounding"
    condition_value_keys = ("plus", "minus", "relation", "of_rule")
    condition_domain_keys = (
        "batch_id",
        "table",
        "column_list",
        "row_condition",
        "condition_parser",
        "ignore_row_if",
    )

    @multicolumn_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(
        cls,
        column_list: pd.DataFrame,
        plus: int,
        minus: int,
        relation: Relation,
        of_rule: int | None = None,
        **_: Any,
    ) -> pd.Series[bool]:
        parts = Parts.unpack(list(column_list.columns), plus, minus)
        difference, tolerance, known = numbers(column_list, parts, of_rule)
        met = ~known | ~violated(difference, tolerance, relation)
        return pd.Series(met, index=column_list.index)

    @multicolumn_condition_partial(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(
        cls,
        column_list: Sequence[sa.ColumnClause[int]],
        plus: int,
        minus: int,
        relation: Relation,
        of_rule: int | None = None,
        **_: Any,
    ) -> sa.ColumnElement[bool]:
        parts = Parts.unpack([column.name for column in column_list], plus, minus)

        def read(column: str) -> sa.ColumnElement[int]:
            return sa.column(column, sa.BigInteger)

        difference = read(parts.stated)
        for column in parts.plus:
            difference = difference - read(column)
        for column in parts.minus:
            difference = difference + read(column)
        tolerance = read(parts.stated_half)
        for column in parts.halves:
            tolerance = tolerance + read(column)
        excess = -difference if relation == "at_most" else sa.func.abs(difference)
        others = [] if of_rule is None else [read(c) != of_rule for c in parts.mask]
        unknown = [read(c).is_(None) for c in parts.columns]
        return sa.or_(*unknown, *others, excess <= tolerance)


class _Configured(Expectation):
    """An expectation that writes its configuration once. Great Expectations asks for it some
    eighty times per expectation, and would write it anew for each argument that it looks up."""

    _configuration: ExpectationConfiguration | None = PrivateAttr(default=None)

    @property
    def configuration(self) -> ExpectationConfiguration:
        if self._configuration is None:
            self._configuration = super().configuration
        return self._configuration


class ExpectAnswerYes(_Configured, ExpectColumnValuesToBeInSet):
    """Expect a question to be answered yes (1) wherever it is answered at all."""

    @classmethod
    def of(cls, instance: Instance) -> ExpectAnswerYes:
        """The expectation of one question; its meta names it."""
        return cls(
            column=instance.mask_column,
            value_set=[1],
            meta={"key": instance.key},
            severity=GX_SEVERITY[instance.rule.severity],
        )


class ExpectLinearIdentityWithinRounding(_Configured, MulticolumnMapExpectation):
    """Expect a stated figure to equal (or not to fall below) a sum of others within the rounding
    of what is printed. ``column_list`` is :attr:`Parts.columns`; ``plus`` and ``minus`` say how
    many addends it holds. With ``of_rule`` only rows whose mask is this number are looked at."""

    map_metric: ClassVar[str] = "linear_identity.within_rounding"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "plus", "minus", "relation", "of_rule")
    args_keys = ("column_list", "plus", "minus", "relation", "of_rule")

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
            # NULL is dealt with by the conditions above; dropping rows copies the whole mart.
            ignore_row_if="never",
            meta={"key": instance.key},
            severity=GX_SEVERITY[instance.rule.severity],
        )
