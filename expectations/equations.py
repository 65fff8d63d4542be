"""The identities of one disclosure as linear equations over its printed cells.

The catalogue speaks of figures by address, the marts of sums; here every identity that was judged
becomes one row of coefficients over the cells themselves, so that a search can ask which cell would
have to be another one. Amounts are ticks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from disclosures.forms import forms
from disclosures.model import Side
from disclosures.verdicts import Severity
from expectations.catalogue import Instance
from warehouse.addresses import TOP, Address
from warehouse.marts import Builder, Mart

Bools = npt.NDArray[np.bool_]
CellKey = tuple[str, str, str, str]
_NOTHING: Final[Mapping[int, int]] = MappingProxyType({})

#: Functional forms in which a row that a form lacks is looked for, and the forms whose rows the
#: latter can hold no more of.
_ROWS_FROM: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "02": (("03",), ()),
    "03": (("02", "05", "07", "08"), ()),
    "05": (("03",), ("07", "08")),
    "07": (("03",), ("05",)),
    "08": (("03",), ("05",)),
}

#: Forms by functional code.
FUNCTIONAL: Final = frozenset(_ROWS_FROM)


@dataclass(frozen=True, slots=True)
class Cell:
    """One printed cell, or (``position`` None) one that the form could have printed.

    ``position`` is its place in ``batch.facts``; ``half`` is half a printed unit.
    """

    key: CellKey
    position: int | None
    ticks: int
    half: int
    doubtful: bool = False

    @property
    def is_zero(self) -> bool:
        """Zero or blank: as an addend it was not rounded."""
        return self.ticks == 0


@dataclass(frozen=True, slots=True)
class Equation:
    """``low ≤ Σ coefficient · cell ≤ high`` (None: no bound), with room for rounding.

    A zero that is repaired becomes a rounded figure: ``slack`` adds its half where it is changed.
    ``stated`` is the cell of the stated figure.
    """

    instance: Instance
    code: str | None
    terms: tuple[tuple[int, int], ...]
    low: int
    high: int | None
    slack: Mapping[int, int]
    violated: bool
    stated: int | None

    @property
    def is_certain(self) -> bool:
        """The form itself defines it; others are evidence only."""
        return self.instance.rule.severity is Severity.ERROR


@dataclass(frozen=True)
class System:
    """All judged linear identities of one disclosure."""

    cells: tuple[Cell, ...]
    equations: tuple[Equation, ...]

    @cached_property
    def equations_of(self) -> tuple[tuple[int, ...], ...]:
        """Per cell the certain equations in which it stands."""
        found: list[list[int]] = [[] for _ in self.cells]
        for n, equation in enumerate(self.equations):
            if equation.is_certain:
                for cell, _ in equation.terms:
                    found[cell].append(n)
        return tuple(tuple(one) for one in found)

    @cached_property
    def violated(self) -> tuple[int, ...]:
        """Certain equations that do not hold."""
        return tuple(n for n, e in enumerate(self.equations) if e.violated and e.is_certain)

    def value(self, equation: int, changes: Mapping[int, int] = _NOTHING) -> int:
        """The left-hand side with some cells changed by these amounts."""
        return sum(
            factor * (self.cells[cell].ticks + changes.get(cell, 0))
            for cell, factor in self.equations[equation].terms
        )

    def holds(self, equation: int, changes: Mapping[int, int] = _NOTHING) -> bool:
        """Whether an equation holds with some cells changed."""
        one = self.equations[equation]
        room = sum(half for cell, half in one.slack.items() if changes.get(cell))
        value = self.value(equation, changes)
        return value >= one.low - room and (one.high is None or value <= one.high + room)


@dataclass
class Equations:
    """Writes the equations of the disclosures of a batch.

    ``judged`` and ``failed`` tell per instance which rows of its mart were judged and violated.
    """

    builder: Builder
    marts: Mapping[str, Mart]
    instances: Sequence[Instance]
    judged: Mapping[str, Bools] = field(default_factory=dict)
    failed: Mapping[str, Bools] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._of_disclosure: Mapping[int, list[int]] = {}
        self._starts = {
            name: np.searchsorted(mart.disclosure, np.arange(self.builder.size + 1))
            for name, mart in self.marts.items()
        }
        order = np.argsort(self.builder.d, kind="stable")
        bounds = np.searchsorted(self.builder.d[order], np.arange(self.builder.size + 1))
        self._order, self._bounds = order, bounds

    @cached_property
    def _codes(self) -> list[str]:
        """The code of each row of the mart of codes."""
        codes = self.builder.codes
        return [codes.names[n] for n in codes.row_code.tolist()]

    @cached_property
    def _written(self) -> list[Instance]:
        """Instances that make equations."""
        return [
            instance
            for instance in self.instances
            if instance.stated is not None
            and instance.key in self.judged
            and instance.rule.severity is not Severity.INFO
        ]

    @cached_property
    def _agreed(self) -> Bools:
        return self.builder.batch.facts["agreed"].to_numpy(dtype=bool)

    @cached_property
    def _sides(self) -> npt.NDArray[np.object_]:
        return self.builder.batch.facts["side"].to_numpy(dtype=object)

    @cached_property
    def _column_names(self) -> npt.NDArray[np.object_]:
        return self.builder.batch.facts["column"].to_numpy(dtype=object)

    def system(self, disclosure: int) -> System:
        """The equations of one disclosure of the batch."""
        return _Writer(self, disclosure).system()


class _Writer:
    """Cells of one disclosure by table, and the equations over them."""

    def __init__(self, source: Equations, disclosure: int) -> None:
        self.source, self.d = source, disclosure
        builder = source.builder
        positions = source._order[source._bounds[disclosure] : source._bounds[disclosure + 1]]
        self.cells: list[Cell] = []
        self.index: dict[CellKey, int] = {}
        #: Cells of a table (form, side, column) by the key of their row.
        self.tables: dict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)
        #: The row under which a cell is added up.
        self.parents: dict[int, str] = {}
        names = builder.row_names
        parents = builder.codes.parent
        for position in positions.tolist():
            key: CellKey = (
                str(builder.form_of[position]),
                str(source._sides[position] or ""),
                names[builder.row[position]],
                str(source._column_names[position]),
            )
            cell = Cell(
                key,
                position,
                int(builder.ticks[position]),
                int(builder.half[position]),
                bool(builder.bad[position]) or not bool(source._agreed[position]),
            )
            number = self._add(cell)
            if parents[position] >= 0:
                self.parents[number] = builder.codes.names[parents[position]]
        self._add_missing_rows()
        self._children: dict[tuple[str, str, str, str], list[int]] = defaultdict(list)
        for number, parent in self.parents.items():
            form, side, _, column = self.cells[number].key
            self._children[form, side, column, parent].append(number)

    def _add(self, cell: Cell) -> int:
        number = self.index.get(cell.key)
        if number is None:
            number = self.index[cell.key] = len(self.cells)
            self.cells.append(cell)
        else:  # as in the mart, the last of two cells with one key counts
            self.cells[number] = cell
        form, side, row, column = cell.key
        self.tables[form, side, column][row] = number
        return number

    def _add_missing_rows(self) -> None:
        """Codes that another form lists and that this one may have dropped, as cells of zero."""
        codes = {
            form: {
                row
                for (f, _, _), rows in self.tables.items()
                if f == form
                for row in rows
                if row.isdigit()
            }
            for form in _ROWS_FROM
        }
        for form, (others, not_from) in _ROWS_FROM.items():
            if not codes[form]:
                continue
            candidates = set[str]().union(*(codes[o] for o in others))
            candidates -= codes[form].union(*(codes[o] for o in not_from))
            for column in forms()[form].column_keys():
                if (form, "", column) not in self.tables:
                    continue
                half = self._half(form, "", column)
                for row in sorted(candidates):
                    if any(code.startswith(row) for code in codes[form]):
                        continue  # the form skips this level; nothing is missing
                    number = self._add(Cell((form, "", row, column), None, 0, half))
                    above = (row[:k] for k in range(len(row) - 1, 2, -1))
                    self.parents[number] = next((a for a in above if a in codes[form]), "total")

    def _half(self, form: str, side: str, column: str) -> int:
        return max(
            (self.cells[n].half for n in self.tables[form, side, column].values()), default=0
        )

    def system(self) -> System:
        source = self.source
        equations = [
            equation for instance in source._written for equation in self._equations(instance)
        ]
        return System(tuple(self.cells), tuple(equations))

    def _equations(self, instance: Instance) -> Iterable[Equation]:
        source = self.source
        mart = source.marts[instance.grain]
        start, stop = source._starts[mart.name][self.d : self.d + 2].tolist()
        judged = source.judged[instance.key][start:stop]
        if not judged.any():
            return
        codes = source._codes if mart.name == "code" else None
        for offset in np.flatnonzero(judged).tolist():
            code = None if codes is None else codes[start + offset]
            violated = bool(source.failed[instance.key][start + offset])
            yield self._equation(instance, code, violated)

    def _equation(self, instance: Instance, code: str | None, violated: bool) -> Equation:
        assert instance.stated is not None
        stated = self._cells(instance.stated, code)
        factors: dict[int, int] = defaultdict(int)
        room = self._half_of(instance.stated, stated)
        slack: dict[int, int] = {}
        for number in stated:
            factors[number] += 1
        for sign, addresses in ((-1, instance.plus), (1, instance.minus)):
            for address in addresses:
                for number in self._cells(address, code):
                    factors[number] += sign
                    cell = self.cells[number]
                    if cell.is_zero:
                        slack[number] = cell.half
                    else:
                        room += cell.half
        return Equation(
            instance,
            code,
            tuple((cell, factor) for cell, factor in factors.items() if factor),
            -room,
            None if instance.rule.relation == "at_most" else room,
            slack,
            violated,
            stated[0] if stated else None,
        )

    def _half_of(self, address: Address, cells: Sequence[int]) -> int:
        """The rounding of the stated side, as the mart has it: a sum's is that of its parts."""
        if len(cells) == 1:
            return self.cells[cells[0]].half
        if cells:
            return sum(self.cells[n].half for n in cells if not self.cells[n].is_zero)
        return self._half(address.form, address.side, address.column)

    def _cells(self, address: Address, code: str | None) -> list[int]:
        form, side, column = address.form, address.side, address.column
        table = self.tables.get((form, side, column), {})
        if address.row == "children":
            return self._children.get((form, side, column, code or ""), [])
        if address.row == "items":
            lines = forms()[form].lines_of(Side(side) if side else None)
            return [table[x.key] for x in lines if x.role == "item" and x.key in table]
        match = TOP.match(address.row)
        if match is not None:
            listed = set((match["codes"] or "").split("-")) - {""}
            inside = (
                number
                for number in self._children.get((form, side, column, "total"), [])
                if not listed or (self.cells[number].key[2][:3] in listed) != bool(match["no"])
            )
            return list(inside)
        row = address.row
        if row == "each":
            row = code or ""
            if row == "total" and side:
                row = "expense_total"
        number = table.get(row)
        if number is not None:
            return [number]
        # Nothing is printed there. Where the column is printed the figure could have been.
        if not table or not row.isdigit():
            return []
        half = self._half(form, side, column)
        return [self._add(Cell((form, side, row, column), None, 0, half))]
