"""Figures of many disclosures at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from warehouse.addresses import Gap

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Gaps = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Value:
    """One figure per row, in ticks: half a printed unit of it, the same as an addend (a zero was
    not rounded), and why it is unknown."""

    ticks: Ints
    half: Ints
    addend_half: Ints
    gap: Gaps

    @classmethod
    def of(cls, ticks: Ints, half: Ints, gap: Gaps) -> Self:
        """A figure that one cell gives: where it is unknown it is zero."""
        ticks = np.where(gap == Gap.NONE, ticks, 0)
        return cls(ticks, half, np.where(ticks != 0, half, 0), gap)


def nullable(values: Ints, known: Bools) -> pd.Series[Any]:
    """An ``Int64`` series that is NULL where the value is not known."""
    return pd.Series(pd.arrays.IntegerArray(values.astype(np.int64), ~known))


def among(values: Ints, ordered: Ints) -> Bools:
    """Which values are among others, which are in ascending order."""
    if not len(ordered):
        return np.zeros(len(values), dtype=bool)
    at = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[at] == values, dtype=bool)
