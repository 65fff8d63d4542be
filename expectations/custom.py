"""Custom Great Expectations for identities between rounded figures.

Built on ``MulticolumnMapMetricProvider`` of great_expectations 1.24, which lies outside its
documented API: the version is pinned and ``tests/expectations`` holds both engines to one verdict.

All arithmetic is on 64-bit integers of 10⁻⁸ 万元 ("ticks"). A stated figure stands for the closed
interval of half a printed unit around it and so does every non-zero addend; the identity holds when
the two intervals meet::

    |stated − (Σ plus − Σ minus)| ≤ half(stated) + Σ half(non-zero addends)      equal
      (Σ plus − Σ minus) − stated ≤ half(stated) + Σ half(non-zero addends)      at_most

**NULL.** A row in which any figure, half unit or the applicability mask is NULL is not judged: it is
never unexpected. Both conditions say so in so many words, because left to themselves pandas would
raise on it or call it unexpected and SQL would drop it from either side of a ``NOT``. Who was not
judged, and why, is counted outside (:mod:`expectations.judge`): a missing figure never passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa
from great_expectations.execution_engine import PandasExecutionEngine, SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import MulticolumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import (
    MulticolumnMapMetricProvider,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (  # noqa: E501
    multicolumn_condition_partial,
)

from expectations.catalogue import Instance

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Relation = Literal["equal", "at_most"]

#: Columns by their part in the identity, as the expectation carries them.
PARTS = ("stated", "stated_half", "plus", "minus", "halves", "mask")


def columns_of(instance: Instance, *, masked: bool) -> dict[str, list[str]]:
    """The mart columns of a linear identity, by part (:data:`PARTS`)."""
    assert instance.stated is not None
    addends = instance.plus + instance.minus
    return {
        "stated": [instance.stated.mart_column],
        "stated_half": [instance.stated.half_column],
        "plus": [address.mart_column for address in instance.plus],
        "minus": [address.mart_column for address in instance.minus],
        "halves": [address.addend_half_column for address in addends],
        "mask": [instance.mask_column] if masked else [],
    }


def numbers(frame: pd.DataFrame, parts: Mapping[str, Sequence[str]]) -> tuple[Ints, Ints, Bools]:
    """``(difference, tolerance, known)`` per row: stated − computed and what rounding explains.

    Where ``known`` is False a figure is NULL and the other two mean nothing.
    """
    size = len(frame)
    known = np.ones(size, dtype=bool)

    def read(column: str) -> Ints:
        series = frame[column]
        nonlocal known
        known &= series.notna().to_numpy(dtype=bool)
        return series.fillna(0).to_numpy(dtype=np.int64)

    difference = read(parts["stated"][0]).copy()
    for column in parts["plus"]:
        difference -= read(column)
    for column in parts["minus"]:
        difference += read(column)
    tolerance = read(parts["stated_half"][0]).copy()
    for column in parts["halves"]:
        tolerance += read(column)
    for column in parts["mask"]:
        known &= frame[column].notna().to_numpy(dtype=bool)
    return difference, tolerance, known


def violated(difference: Ints, tolerance: Ints, relation: str) -> Bools:
    """Where the intervals do not meet. Closed intervals: touching is meeting."""
    excess = -difference if relation == "at_most" else np.abs(difference)
    return np.asarray(excess > tolerance, dtype=bool)


class LinearIdentityWithinRounding(MulticolumnMapMetricProvider):  # type: ignore[misc]
    """The map metric behind :class:`ExpectLinearIdentityWithinRounding`."""

    condition_metric_name = "linear_identity.within_rounding"
    condition_value_keys = ("parts", "relation")
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
        parts: Mapping[str, Sequence[str]],
        relation: Relation,
        **_: Any,
    ) -> pd.Series[bool]:
        difference, tolerance, known = numbers(column_list, parts)
        met = ~known | ~violated(difference, tolerance, relation)
        return pd.Series(met, index=column_list.index)

    @multicolumn_condition_partial(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(
        cls,
        column_list: Sequence[sa.ColumnClause[int]],
        parts: Mapping[str, Sequence[str]],
        relation: Relation,
        **_: Any,
    ) -> sa.ColumnElement[bool]:
        def read(column: str) -> sa.ColumnElement[int]:
            return sa.column(column, sa.BigInteger)

        difference = read(parts["stated"][0])
        for column in parts["plus"]:
            difference = difference - read(column)
        for column in parts["minus"]:
            difference = difference + read(column)
        tolerance = read(parts["stated_half"][0])
        for column in parts["halves"]:
            tolerance = tolerance + read(column)
        excess = -difference if relation == "at_most" else sa.func.abs(difference)
        unknown = [read(column).is_(None) for part in PARTS for column in parts[part]]
        return sa.or_(*unknown, excess <= tolerance)


class ExpectLinearIdentityWithinRounding(MulticolumnMapExpectation):  # type: ignore[misc]
    """Expect a stated figure to equal (or not to fall below) a sum of others within the rounding
    of what is printed."""

    map_metric: ClassVar[str] = "linear_identity.within_rounding"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "parts", "relation")
    args_keys = ("column_list", "parts", "relation")

    parts: dict[str, list[str]]
    relation: Relation = "equal"

    @classmethod
    def of(cls, instance: Instance, *, masked: bool) -> ExpectLinearIdentityWithinRounding:
        """The expectation of one identity; its meta names the rule."""
        parts = columns_of(instance, masked=masked)
        return cls(
            column_list=list(dict.fromkeys(c for part in PARTS for c in parts[part])),
            parts=parts,
            relation=instance.rule.relation,
            # NULL is dealt with by the conditions above; dropping rows copies the whole mart.
            ignore_row_if="never",
            meta=meta_of(instance),
        )


def meta_of(instance: Instance) -> dict[str, Any]:
    """What a stored validation tells about an expectation besides its columns."""
    rule = instance.rule
    return {
        "key": instance.key,
        "rule": rule.id,
        "version": rule.version,
        "title": rule.title,
        "equation": rule.equation,
        "severity": rule.severity.value,
        "basis": rule.basis,
    }
