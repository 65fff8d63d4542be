"""Facts of many disclosures as one frame of exact integers, a row per cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from disclosures.amounts import TICKS_PER_WAN, CellState, MoneyUnit, half_unit_wan
from warehouse.figures import Bools, Ints

#: No single department accounts for 1 万亿元 (10⁸ 万元). Beyond it a figure is two cells read as
#: one, and sums of such figures would leave 64 bits.
LARGEST_TICKS: Final = 10**8 * TICKS_PER_WAN

FACT_COLUMNS: Final = (
    "disclosure_id",
    "sha256",
    "form",
    "side",
    "row",
    "column",
    "code",
    "name",
    "text",
    "amount_ticks",
    "half_ticks",
    "state",
    "agreed",
    "page",
    "readers",
    "unit",
    "seen",
)
#: Of a cell on its way into the frame: its column's half unit is found once all are there.
RAW_FACTS: Final = (*(name for name in FACT_COLUMNS if name != "half_ticks"), "decimals")


class Cells:
    """Facts on their way into a frame, column by column. Equal texts are kept once: millions of
    cells repeat few of them, and each would otherwise be an object of its own."""

    _NUMBERS: Final = ("amount_ticks", "page", "decimals")

    def __init__(self) -> None:
        self._pieces: list[dict[str, Any]] = []
        self._known: dict[Any, Any] = {}

    def add(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Take some cells, with the columns ``RAW_FACTS``. Numbers are ``NO_NUMBER`` where there
        is none."""
        if not len(columns["form"]):
            return
        piece: dict[str, Any] = {}
        for name in RAW_FACTS:
            values = columns[name]
            if name in self._NUMBERS:
                piece[name] = np.asarray(values, dtype=np.int64)
            elif name == "agreed":
                piece[name] = np.asarray(values, dtype=bool)
            else:
                piece[name] = self._shared(values)
        # Figures too large to be true are dropped.
        ticks = piece["amount_ticks"]
        wild = (np.abs(ticks) > LARGEST_TICKS) & (ticks != NO_NUMBER)
        ticks[wild] = NO_NUMBER
        piece["state"][wild] = CellState.UNREADABLE.value
        self._pieces.append(piece)

    def _shared(self, values: Sequence[Any]) -> npt.NDArray[np.object_]:
        """A column of objects, equal ones being one. None stays None."""
        column = np.empty(len(values), dtype=object)
        column[:] = values
        # Tuples would be taken for rows, were they not looked at one by one.
        ids, found = pd.factorize(column)
        distinct = np.empty(len(found) + 1, dtype=object)
        distinct[:-1] = [self._known.setdefault(value, value) for value in found]
        distinct[-1] = None
        return np.asarray(distinct[ids], dtype=object)

    def frame(self) -> pd.DataFrame:
        """All cells, columns ``FACT_COLUMNS``."""
        columns: dict[str, Any] = {}
        for name in RAW_FACTS:
            kind = (
                np.int64 if name in self._NUMBERS else np.bool_ if name == "agreed" else np.object_
            )
            parts = [piece.pop(name) for piece in self._pieces]
            values: Any = np.concatenate(parts) if parts else np.array([], dtype=kind)
            if name in self._NUMBERS:
                missing = values == NO_NUMBER
                values[missing] = 0
                columns[name] = pd.arrays.IntegerArray(values, missing)
            else:
                columns[name] = values
        self._pieces.clear()
        half = half_units(columns)
        del columns["decimals"]
        frame = pd.DataFrame(columns, copy=False)
        frame["side"] = frame["side"].fillna("")
        frame["half_ticks"] = pd.Series(half, index=frame.index, dtype="Int64")
        return frame[list(FACT_COLUMNS)]


#: Stands for "no number" in a column of 64-bit integers on its way.
NO_NUMBER: Final = -(2**63)


def as_int64(value: int | None) -> int:
    """What 64 bits do not hold is taken to be as large as they can: no figure of a department
    comes near."""
    return NO_NUMBER if value is None else max(NO_NUMBER + 1, min(2**63 - 1, value))


def half_units(facts: Mapping[str, Any]) -> Ints:
    """Half a unit of the last printed decimal of each cell's column, in ticks. ``facts`` are
    columns (``disclosure_id``, ``form``, ``column``, ``decimals``, ``amount_ticks``, ``unit``).

    The column decides and not the cell, because spreadsheets drop trailing zeros. It has as many
    decimals as the most precise tenth of its non-zero figures shows, so that one stray cell does
    not make every other figure more precise than it is; a cell that shows more than its column
    keeps its own. A column with fewer than three figures tells too little about itself and is
    taken to be as precise as its form.
    """
    shown = facts["decimals"].to_numpy(dtype="float64", na_value=np.nan)
    amounts = facts["amount_ticks"].to_numpy(dtype="int64", na_value=0)
    spoken = (amounts != 0) & ~np.isnan(shown)
    by_form = _groups(facts, ("disclosure_id", "form"))
    by_column = _groups({"form": by_form, "column": facts["column"]}, ("form", "column"))
    of_column, figures = _precision(by_column, shown, spoken)
    of_form, form_figures = _precision(by_form, shown, spoken)
    # A form of zeros only is as precise as its zeros look.
    zeros_of_form, zeros = _precision(by_form, shown, ~np.isnan(shown))
    fallback = np.where(form_figures > 0, of_form, np.where(zeros > 0, zeros_of_form, np.nan))
    decimals = np.where(figures >= 3, of_column, np.fmax(of_column, fallback))
    decimals = np.fmax(decimals, np.where(spoken, shown, np.nan))
    halves = np.zeros(len(shown), dtype=np.int64)
    unit_of, units = pd.factorize(facts["unit"])
    known = np.flatnonzero(~np.isnan(decimals))
    places = decimals[known].astype(np.int64)
    kinds, kind_of = np.unique(places * len(units) + unit_of[known], return_inverse=True)
    table = np.zeros(len(kinds), dtype=np.int64)
    for n, kind in enumerate(kinds.tolist()):
        place, unit = divmod(kind, len(units))
        table[n] = math.ceil(half_unit_wan(place, MoneyUnit(str(units[unit]))) * TICKS_PER_WAN)
    halves[known] = table[kind_of]
    return halves


def _groups(facts: Mapping[str, Any], columns: tuple[str, str]) -> Ints:
    """Per row the number of its pair of values."""
    one, _ = pd.factorize(facts[columns[0]])
    other, names = pd.factorize(facts[columns[1]])
    ids, _ = pd.factorize(one.astype(np.int64) * len(names) + other)
    return np.asarray(ids, dtype=np.int64)


def _precision(
    group: Ints, shown: npt.NDArray[np.float64], counted: Bools
) -> tuple[npt.NDArray[np.float64], Ints]:
    """Per cell: the decimals of its group and the number of figures that they rest on."""
    size = int(group.max()) + 1 if len(group) else 0
    figures = np.bincount(group[counted], minlength=size)
    result = np.full(size, np.nan)
    deepest = int(np.nanmax(shown[counted])) if counted.any() else -1
    for decimals in range(deepest + 1):
        at_least = np.bincount(group[counted & (shown >= decimals)], minlength=size)
        enough = at_least >= np.maximum(1, np.ceil(figures / 10))
        result[enough & (figures > 0)] = decimals
    return result[group], figures[group].astype(np.int64)
