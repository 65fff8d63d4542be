"""Marts: the wide frames of exact integers that the suites validate.

:func:`build_marts` turns a :class:`warehouse.batches.Batch` into two wide frames in ticks (10⁻⁸
万元, nullable ``Int64``):

* grain ``disclosure``: one row per disclosure, one column per address that a rule names;
* grain ``code``: one row per disclosure and functional or economic code. The row ``total`` stands
  for 合计, whose children are the topmost printed codes.

Addresses are explained in :mod:`warehouse.addresses`.

**NULL is not zero.** A blank cell is zero, and so is an item or a code that a form which is present
and wholly read does not list. Whatever else is missing is NULL, with a :class:`Gap` that says why:
a rule whose figure is missing neither passes nor fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import BigInteger, Column, Engine, MetaData, String, Table, insert

from disclosures.amounts import CellState
from disclosures.forms import forms
from disclosures.model import Side
from warehouse.addresses import TOP, Address, Gap, Question
from warehouse.batches import Batch
from warehouse.codes import Codes
from warehouse.figures import Bools, Gaps, Ints, Value, nullable
from warehouse.indicators import INDICATORS

__all__ = ["Batch", "Builder", "Mart", "build_marts"]


@dataclass(frozen=True)
class Mart:
    """One wide frame. ``keys`` are the columns that name a row; ``gaps`` tells per figure and row
    why it is NULL (:class:`Gap`); ``printed`` which rows a form prints (grain ``code``)."""

    name: str
    keys: tuple[str, ...]
    frame: pd.DataFrame
    disclosure: Ints
    gaps: Mapping[str, Gaps]
    printed: Mapping[str, Bools] = field(default_factory=dict)
    details: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    def with_columns(self, columns: Mapping[str, pd.Series[Any]]) -> Mart:
        """The same mart with further columns."""
        if not columns:
            return self
        added = pd.DataFrame(dict(columns), index=self.frame.index)
        return Mart(
            self.name,
            self.keys,
            pd.concat([self.frame, added], axis=1),
            self.disclosure,
            self.gaps,
            self.printed,
            self.details,
        )

    def write(self, engine: Engine, *, prefix: str = "out_mart_") -> Table:
        """(Re)build the mart as a table of BIGINT columns; NULL stays NULL."""
        metadata = MetaData()
        table = Table(
            prefix + self.name,
            metadata,
            *(Column(key, String(80), primary_key=True) for key in self.keys),
            *(
                Column(name, BigInteger, nullable=True)
                for name in self.frame.columns
                if name not in self.keys
            ),
        )
        columns = [
            [None if value is None or value is pd.NA else value for value in series.tolist()]
            for _, series in self.frame.items()
        ]
        names = [str(name) for name in self.frame.columns]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        with engine.begin() as connection:
            table.drop(connection, checkfirst=True)
            table.create(connection)
            for start in range(0, len(rows), 200):
                connection.execute(insert(table), rows[start : start + 200])
        return table


class Builder:
    """Looks figures of a batch up by address. One batch, one builder."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        heads = batch.disclosures
        self.size = len(heads)
        order = {str(i): n for n, i in enumerate(heads["disclosure_id"])}
        facts = batch.facts
        owner, owners = _factorize(facts["disclosure_id"])
        self.d: Ints = np.array([order[one] for one in owners], dtype=np.int64)[owner]
        self.ticks: Ints = facts["amount_ticks"].to_numpy(dtype="int64", na_value=0)
        self.half: Ints = facts["half_ticks"].to_numpy(dtype="int64", na_value=0)
        self.bad: Bools = (facts["state"] == CellState.UNREADABLE.value).to_numpy(dtype=bool)
        self.year: Ints = heads["year"].to_numpy(dtype="int64", na_value=-1)
        self.row: Ints
        self.row, self.row_names = _factorize(facts["row"])
        self.row_ids = {name: n for n, name in enumerate(self.row_names)}
        self.form_of: npt.NDArray[Any] = facts["form"].to_numpy(dtype="U2")
        self.names: npt.NDArray[np.object_] = facts["name"].to_numpy(dtype=object)
        self.expense: Bools = (facts["side"] == Side.EXPENSE.value).to_numpy(dtype=bool)
        tables: Mapping[Any, Any] = facts.groupby(["form", "side", "column"]).indices
        self._by_table: dict[tuple[str, str, str], Ints] = {
            (str(key[0]), str(key[1]), str(key[2])): np.asarray(positions, dtype=np.int64)
            for key, positions in tables.items()
        }
        self._prepare_forms()
        self.codes = Codes(self)
        #: By form, and row of the grain ``code``: code and printed name; filled when asked for.
        self.printed_names: dict[str, dict[int, tuple[str, str]]] = {}

    # -- forms ---------------------------------------------------------------------------------

    def _prepare_forms(self) -> None:
        entries = self.batch.disclosures["forms"].tolist()
        self.present: dict[str, Bools] = {}
        self.declared_empty: dict[str, Bools] = {}
        self.complete: dict[str, Bools] = {}
        self.has_facts: dict[str, Bools] = {}
        self.has_amounts: dict[str, Bools] = {}  # other than zero
        self.has_figures: dict[str, Bools] = {}  # zeros included
        self.form_gap: dict[str, Gaps] = {}
        self.unknown_line: dict[tuple[str, str], Bools] = {}
        loud = (self.ticks != 0) | self.bad
        shown = self.batch.facts["amount_ticks"].notna().to_numpy(dtype=bool)
        digits = np.array([name.isdigit() for name in self.row_names], dtype=bool)
        for key, form in forms().items():
            mine = self.form_of == key
            self.present[key] = np.array([key in e for e in entries], dtype=bool)
            self.declared_empty[key] = np.array(
                [bool(e.get(key, {}).get("declared_empty")) for e in entries], dtype=bool
            )
            self.complete[key] = np.array(
                [bool(e.get(key, {}).get("complete", True)) for e in entries], dtype=bool
            )
            self.has_facts[key] = self.mark(self.d[mine])
            self.has_amounts[key] = self.mark(self.d[mine & loud])
            self.has_figures[key] = self.mark(self.d[mine & (shown | self.bad)])
            gap = np.zeros(self.size, dtype=np.int8)
            gap[~self.present[key]] = Gap.FORM_ABSENT
            if form.since is not None:
                early = (self.year >= 0) & (self.year < form.since)
                gap[~self.present[key] & early] = Gap.FORM_NOT_YET
            # A form of which nothing was read is empty only where it may be, or says so.
            silent = self.present[key] & ~self.has_facts[key] & ~self.declared_empty[key]
            if not form.may_be_empty:
                gap[silent] = Gap.INCOMPLETE
            self.form_gap[key] = gap
            for side in form.sides:
                lines = {line.key for line in form.lines_of(side)}
                named = np.array([name in lines for name in self.row_names], dtype=bool)
                if form.codes:
                    named |= digits
                here = mine & loud & (self.expense == (side is Side.EXPENSE))
                strange = here & ~named[self.row]
                self.unknown_line[key, side.value if side else ""] = self.mark(self.d[strange])

    def is_row(self, positions: Ints, row: str | None) -> Bools:
        """Which of these facts stand in the row with this key."""
        return np.asarray(self.row[positions] == self.row_ids.get(row or "", -1), dtype=bool)

    def mark(self, positions: npt.NDArray[Any]) -> Bools:
        marked = np.zeros(self.size, dtype=bool)
        marked[np.asarray(positions, dtype=np.int64)] = True
        return marked

    def _silent(self, key: str) -> Bools:
        """Forms that are there and hold nothing: every figure of them is zero."""
        read: Bools = self.form_gap[key] == Gap.NONE
        return self.present[key] & ~self.has_facts[key] & read

    def table(self, address: Address) -> Ints:
        """Positions of the facts of a form, side and column."""
        nothing = np.array([], dtype=np.int64)
        return self._by_table.get((address.form, address.side, address.column), nothing)

    def table_gap(self, address: Address) -> tuple[Gaps, Bools]:
        """Per disclosure: why the whole column is unknown, and where it is known to be zero."""
        form = forms()[address.form]
        gap = self.form_gap[address.form].copy()
        side = Side(address.side) if address.side else None
        column_key = address.column.rpartition(".")[2] if form.groups else address.column
        optional = any(c.optional for c in form.columns_of(side) if c.key == column_key)
        printed = self.mark(self.d[self.table(address)])
        silent = self._silent(address.form)
        missing = (gap == Gap.NONE) & ~printed & ~silent
        zero = silent | (missing & optional)
        if address.or_zero:
            not_yet = gap == Gap.FORM_NOT_YET
            gap[not_yet] = Gap.NONE
            zero |= not_yet
        gap[missing & ~zero] = Gap.COLUMN_ABSENT
        return gap, zero

    def cell_printed(self, address: Address) -> Bools:
        """Where the form prints this cell, blank or not."""
        positions = self.table(address)
        return self.mark(self.d[positions[self.is_row(positions, address.row)]])

    def cells(self, address: Address, disclosure: int, code: str | None = None) -> list[int]:
        """Positions in ``batch.facts`` of the cells behind a figure of one disclosure (``code``
        for the grain ``code``), in printed order. Of a sum only the cells that are not zero."""
        positions = self.table(address)
        positions = positions[self.d[positions] == disclosure]
        if address.row == "each" and code == self.codes.TOTAL:
            chosen = self.codes.code[positions] == self.codes.total
        elif address.row == "each":
            chosen = self.is_row(positions, code)
        elif address.row == "children":
            name = self.codes.names
            parents = self.codes.parent[positions]
            chosen = np.array([p >= 0 and name[p] == code for p in parents], dtype=bool)
            chosen &= (self.ticks[positions] != 0) | self.bad[positions]
        elif address.row == "items" or TOP.match(address.row):
            chosen = self._summands(address, positions)
            chosen &= (self.ticks[positions] != 0) | self.bad[positions]
        else:
            chosen = self.is_row(positions, address.row)
        return [int(n) for n in positions[np.asarray(chosen, dtype=bool)]]

    def column_half(self, address: Address, positions: Ints) -> Ints:
        """Half a unit per disclosure for a column: what its figures (or its form) show."""
        half = np.zeros(self.size, dtype=np.int64)
        np.maximum.at(half, self.d[positions], self.half[positions])
        return half

    # -- grain disclosure -----------------------------------------------------------------------

    def value(self, address: Address) -> Value:
        """A figure per disclosure."""
        if address.row == "items" or TOP.match(address.row):
            return self._sum(address)
        positions = self.table(address)
        own = positions[self.is_row(positions, address.row)]
        gap, zero = self.table_gap(address)
        ticks = np.zeros(self.size, dtype=np.int64)
        ticks[self.d[own]] = self.ticks[own]
        half = self.column_half(address, positions)
        half[self.d[own]] = self.half[own]
        here = self.mark(self.d[own])
        gap[self.d[own][self.bad[own]]] = Gap.UNREADABLE
        absent = (gap == Gap.NONE) & ~zero & ~here
        gap[absent] = self._absent_row(address)[absent]
        return Value.of(ticks, half, gap)

    def _absent_row(self, address: Address) -> Gaps:
        """What the absence of a row means, per disclosure."""
        form = forms()[address.form]
        side = Side(address.side) if address.side else None
        line = next((x for x in form.lines_of(side) if x.key == address.row), None)
        meaning = np.zeros(self.size, dtype=np.int8)
        if line is None:  # a code
            meaning = self.codes.absent(address.form, address.row)
        elif line.role != "item" and not address.or_zero:
            meaning[:] = Gap.ROW_ABSENT
        meaning[self.unknown_line[address.form, address.side]] = Gap.UNKNOWN_LINE
        meaning[~self.complete[address.form]] = Gap.INCOMPLETE
        return meaning

    def _sum(self, address: Address) -> Value:
        form = forms()[address.form]
        positions = self.table(address)
        gap, zero = self.table_gap(address)
        chosen = self._summands(address, positions)
        own = positions[chosen]
        ticks = np.zeros(self.size, dtype=np.int64)
        np.add.at(ticks, self.d[own], self.ticks[own])
        half = np.zeros(self.size, dtype=np.int64)
        np.add.at(half, self.d[own], np.where(self.ticks[own] != 0, self.half[own], 0))
        gap[self.d[own][self.bad[own]]] = Gap.UNREADABLE
        open_question = (gap == Gap.NONE) & ~zero
        gap[open_question & self.unknown_line[address.form, address.side]] = Gap.UNKNOWN_LINE
        gap[open_question & ~self.complete[address.form]] = Gap.INCOMPLETE
        if form.codes:
            any_code = self.mark(self.d[positions[self.codes.parent[positions] >= 0]])
            gap[(gap == Gap.NONE) & ~zero & ~any_code] = Gap.NO_CHILDREN
        ticks[gap != Gap.NONE] = 0
        return Value(ticks, half, half, gap)

    def _summands(self, address: Address, positions: Ints) -> Bools:
        """Which cells of a column a sum adds up."""
        if address.row == "items":
            side = Side(address.side) if address.side else None
            lines = forms()[address.form].lines_of(side)
            named = {line.key for line in lines if line.role == "item"}
            ids = [n for n, name in enumerate(self.row_names) if name in named]
            return np.asarray(np.isin(self.row[positions], ids), dtype=bool)
        match = TOP.match(address.row)
        assert match is not None
        chosen = np.asarray(self.codes.parent[positions] == self.codes.total, dtype=bool)
        listed = set((match["codes"] or "").split("-")) - {""}
        if listed:
            ids = [n for n, name in enumerate(self.row_names) if name[:3] in listed]
            inside = np.isin(self.row[positions], ids)
            chosen &= ~inside if match["no"] else inside
        return chosen


def build_marts(
    batch: Batch, addresses: Iterable[Address], questions: Iterable[Question] = ()
) -> tuple[Builder, Mart, Mart]:
    """The two marts of a batch with a column per address and question.

    Returns the builder (for clauses and operands), the mart of disclosures and the mart of codes.
    """
    builder = Builder(batch)
    codes = builder.codes
    frames: dict[str, dict[str, pd.Series[Any]]] = {"disclosure": {}, "code": {}}
    gaps: dict[str, dict[str, Gaps]] = {"disclosure": {}, "code": {}}
    details: dict[str, dict[str, Mapping[int, str]]] = {"disclosure": {}, "code": {}}
    for address in sorted(set(addresses), key=str):
        value = codes.value(address) if address.grain == "code" else builder.value(address)
        known = value.gap == Gap.NONE
        columns = frames[address.grain]
        columns[address.mart_column] = nullable(value.ticks, known)
        columns[address.half_column] = nullable(value.half, known)
        columns[address.addend_half_column] = nullable(value.addend_half, known)
        gaps[address.grain][address.mart_column] = value.gap
    for question in sorted(set(questions), key=lambda q: q.mart_column):
        answer = INDICATORS[question.name](builder, question.argument, dict(question.parameters))
        column = question.mart_column
        frames[question.grain][column] = nullable(answer.yes.astype(np.int64), answer.gap == 0)
        gaps[question.grain][column] = answer.gap
        details[question.grain][column] = answer.details
    ids = batch.disclosures["disclosure_id"].astype(str).to_numpy(dtype=object)
    disclosure = Mart(
        "disclosure",
        ("disclosure_id",),
        pd.DataFrame({"disclosure_id": ids, **frames["disclosure"]}),
        np.arange(builder.size, dtype=np.int64),
        gaps["disclosure"],
        {},
        details["disclosure"],
    )
    names = np.array(codes.names, dtype=object)
    code = Mart(
        "code",
        ("disclosure_id", "code"),
        pd.DataFrame(
            {
                "disclosure_id": ids[codes.row_disclosure],
                "code": names[codes.row_code],
                **frames["code"],
            }
        ),
        codes.row_disclosure,
        gaps["code"],
        {key: codes.printed(form) for key, form in forms().items()},
        details["code"],
    )
    return builder, disclosure, code


def _factorize(series: pd.Series[Any]) -> tuple[Ints, list[str]]:
    ids, names = pd.factorize(series)
    return np.asarray(ids, dtype=np.int64), [str(name) for name in names]
