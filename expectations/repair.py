"""The smallest set of figures whose change makes all identities of a disclosure hold again.

One wrong figure breaks many identities. :func:`repair` looks for the fewest cells that would have
to be others, first among single cells in closed form, then with a mixed-integer program (HiGHS)
over the identities around the violated ones, which grows as far as a candidate's changes reach.
Whatever the program proposes is confirmed in integers before it is believed.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from expectations.equations import Cell, System

#: Equally small sets that are listed; more would be no help to anyone.
MOST_SETS: Final = 12
#: Beyond so many violated identities nothing is one figure's consequence (a form was read wrongly
#: or belongs to another year), and a search would take minutes.
MOST_VIOLATED: Final = 150
#: Wrong figures that are looked for together.
MOST_CHANGED: Final = 8
_ROUNDS: Final = 60
#: Counted in nodes and not in seconds, so that every machine names the same figures.
_NODES: Final = 1000
#: The largest change in units of the program.
_SCALE: Final = 10**5
#: How scipy says that HiGHS came to an end.
_OPTIMAL, _INFEASIBLE = 0, 2
#: Changing a blank, and even more adding a row, is the less likely slip; never enough to prefer
#: two changes to one.
_BLANK, _ABSENT, _DOUBTFUL = 0.01, 0.02, -0.01


@dataclass(frozen=True, slots=True)
class Change:
    """One cell and what it would have to be: any of ``low … high`` ticks, best ``ticks``."""

    cell: int
    ticks: int
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Repair:
    """One smallest set of changes. ``instead`` lists for each of them the changes of other cells
    that would do as well while the rest stays."""

    changes: tuple[Change, ...]
    instead: tuple[tuple[Change, ...], ...]


@dataclass(frozen=True, slots=True)
class Repairs:
    """All smallest sets. ``complete`` is False when the search stopped early: there may be more,
    or (``repairs`` empty) no set could be found."""

    repairs: tuple[Repair, ...]
    complete: bool


def repair(system: System) -> Repairs:
    """All smallest sets of changes that make every certain identity hold."""
    if not system.violated:
        return Repairs((), True)
    if len(system.violated) > MOST_VIOLATED:
        return Repairs((), False)
    single = sorted(singles(system, {}), key=lambda c: cost(system.cells[c.cell]))
    if single:
        return Repairs((Repair((single[0],), (tuple(single[1:]),)),), True)
    return _apart(system) or _several(system)


def cost(cell: Cell) -> float:
    """What changing a cell costs; sets of equal size differ by less than one change."""
    extra = _ABSENT if cell.position is None else _BLANK if cell.is_zero else 0.0
    return 1 + extra + (_DOUBTFUL if cell.doubtful else 0.0)


def _least(cell: Cell) -> int | None:
    """What is blank or not printed at all was left out; nobody leaves out less than nothing."""
    return 0 if cell.is_zero else None


@contextmanager
def _stdout_spared() -> Iterator[None]:
    """What HiGHS prints now and then in spite of its options goes to stderr: stdout is for results,
    which others read."""
    try:
        saved = os.dup(1)
    except OSError:  # a process without stdout has none to spare
        yield
        return
    try:
        sys.stdout.flush()
        os.dup2(2, 1)
        yield
    finally:
        # C keeps lines of its own until its buffer is full.
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).fflush(None)
        os.dup2(saved, 1)
        os.close(saved)


# ------------------------------------------------------------------------------- one more cell


def singles(system: System, given: Mapping[int, int]) -> Iterator[Change]:
    """Cells whose change alone, beside the given changes, makes everything hold."""
    touched = {n for cell in given for n in system.equations_of[cell]}
    broken = [n for n in {*system.violated, *touched} if not system.holds(n, given)]
    if not broken:
        return
    common = set.intersection(*({c for c, _ in system.equations[n].terms} for n in broken))
    for cell in sorted(common - given.keys()):
        change = _change(system, cell, given)
        if change is not None:
            yield change


def _room(system: System, cell: int, given: Mapping[int, int]) -> tuple[int | None, int | None]:
    """The amounts by which a cell may change so that its own identities hold; None: no bound.
    Empty when the first is larger than the second."""
    low: int | None = _least(system.cells[cell])
    high: int | None = None
    others = {c: by for c, by in given.items() if c != cell}
    for n in system.equations_of[cell]:
        equation = system.equations[n]
        factor = dict(equation.terms)[cell]
        room = sum(half for c, half in equation.slack.items() if c == cell or others.get(c))
        value = system.value(n, others)
        least: int | None = equation.low - room - value
        most = None if equation.high is None else equation.high + room - value
        if factor < 0:
            least, most = (None if most is None else -most), (None if least is None else -least)
        if abs(factor) > 1:
            least = None if least is None else -(-least // abs(factor))
            most = None if most is None else most // abs(factor)
        if least is not None and (low is None or least > low):
            low = least
        if most is not None and (high is None or most < high):
            high = most
    return low, high


def _change(system: System, cell: int, given: Mapping[int, int]) -> Change | None:
    """What a cell would have to be, or None when nothing fits or nothing needs to change."""
    low, high = _room(system, cell, given)
    if low is not None and high is not None and low > high:
        return None
    if (low is None or low <= 0) and (high is None or high >= 0):
        return None
    now = system.cells[cell].ticks
    best = _best(system, cell, given, low, high)
    return Change(
        cell,
        now + best,
        None if low is None else now + low,
        None if high is None else now + high,
    )


def _best(
    system: System, cell: int, given: Mapping[int, int], low: int | None, high: int | None
) -> int:
    """The change that makes most identities exact, as the form would print it."""
    others = {c: by for c, by in given.items() if c != cell}
    votes: dict[int, int] = {}
    for n in system.equations_of[cell]:
        factor = dict(system.equations[n].terms)[cell]
        if system.equations[n].high is None or abs(factor) != 1:
            continue
        exact = -system.value(n, others) * factor
        if (low is None or exact >= low) and (high is None or exact <= high):
            votes[exact] = votes.get(exact, 0) + 1
    if votes:
        return max(votes, key=lambda by: (votes[by], -abs(by)))
    if low is not None and high is not None:
        unit = max(1, 2 * system.cells[cell].half)
        middle = (low + high) // 2
        rounded = round(middle / unit) * unit
        return rounded if low <= rounded <= high else middle
    return low if low is not None else (high or 0)


# ------------------------------------------------------------------------------- several cells


def _apart(system: System) -> Repairs | None:
    """One change for each group of violated identities that share no figure with the others, or
    None. Each group needs at least one, so nothing smaller exists; and no solver has to weigh a
    change of 0.01 against one of millions."""
    groups: list[tuple[set[int], set[int]]] = []
    for n in system.violated:
        cells = {cell for cell, _ in system.equations[n].terms}
        near = [group for group in groups if group[1] & cells]
        groups = [group for group in groups if not group[1] & cells]
        members = {n}.union(*(group[0] for group in near))
        groups.append((members, cells.union(*(group[1] for group in near))))
    if len(groups) > MOST_CHANGED:
        return None
    options: list[list[Change]] = []
    for members, _ in groups:
        common = set.intersection(*({c for c, _ in system.equations[n].terms} for n in members))
        found = [change for cell in sorted(common) if (change := _change(system, cell, {}))]
        if not found:
            return None
        options.append(sorted(found, key=lambda c: cost(system.cells[c.cell])))
    by = {one[0].cell: one[0].ticks - system.cells[one[0].cell].ticks for one in options}
    touched = {n for cell in by for n in system.equations_of[cell]}
    if not all(system.holds(n, by) for n in {*system.violated, *touched}):
        return None
    changes = tuple(one[0] for one in options)
    return Repairs((Repair(changes, tuple(tuple(one[1:]) for one in options)),), True)


class _Program:
    """The mixed-integer program over some of the equations; it grows by equation and by cut."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.rows: list[int] = []
        self.cells: list[int] = []
        self._place: dict[int, int] = {}
        self._cuts: list[set[int]] = []
        self.proven = True
        residues = [abs(system.value(n)) for n in system.violated]
        broken = [system.equations[n] for n in system.violated]
        rooms = [max(e.high or 0, -e.low) for e in broken]
        #: No change is larger than all that is amiss together.
        most = sum(residues) + sum(rooms)
        halves = [c.half for c in system.cells if c.half]
        #: Ticks of one unit of the program: a printed unit, unless the changes were then so large
        #: that the solver could not tell a binary of a millionth from zero.
        self.unit = max(2 * min(halves, default=1), most // _SCALE, 1)
        self.most = most / self.unit
        for n in system.violated:
            self.add(n)
        for n in list(self.rows):
            for cell, _ in system.equations[n].terms:
                for other in system.equations_of[cell]:
                    self.add(other)

    def add(self, equation: int) -> bool:
        """Take an equation in; whether it is new."""
        if equation in self.rows:
            return False
        self.rows.append(equation)
        for cell, _ in self.system.equations[equation].terms:
            if cell not in self._place:
                self._place[cell] = len(self.cells)
                self.cells.append(cell)
        return True

    def demand(self, besides: Iterable[int]) -> None:
        """A set holds at least one cell besides these."""
        self._cuts.append(set(besides))

    def _lowest(self, cell: int) -> float:
        least = _least(self.system.cells[cell])
        return -self.most if least is None else least / self.unit

    def solve(self, most: float | None) -> dict[int, int] | None:
        """The cheapest changes in ticks; None: none of at most ``most``, or the search ended early
        (then ``proven`` is False)."""
        size = len(self.cells)
        row: list[int] = []
        column: list[int] = []
        value: list[float] = []
        lows: list[float] = []
        highs: list[float] = []

        def put(entries: Iterable[tuple[int, float]], low: float, high: float) -> None:
            for where, factor in entries:
                row.append(len(lows))
                column.append(where)
                value.append(factor)
            lows.append(low)
            highs.append(high)

        for n in self.rows:
            equation = self.system.equations[n]
            now = self.system.value(n)
            terms = [(self._place[c], float(f)) for c, f in equation.terms]
            rooms = [(size + self._place[c], h / self.unit) for c, h in equation.slack.items() if h]
            least = (equation.low - now) / self.unit
            if equation.high is None:
                put([*terms, *rooms], least, np.inf)
            elif rooms:
                most_of = (equation.high - now) / self.unit
                put([*terms, *rooms], least, np.inf)
                put([*terms, *((w, -h) for w, h in rooms)], -np.inf, most_of)
            else:
                put(terms, least, (equation.high - now) / self.unit)
        for place in range(size):
            put([(place, 1.0), (size + place, -self.most)], -np.inf, 0.0)
            put([(place, 1.0), (size + place, self.most)], 0.0, np.inf)
        for known in self._cuts:
            others = [place for place, cell in enumerate(self.cells) if cell not in known]
            put([(size + place, 1.0) for place in others], 1.0, np.inf)
        costs = [cost(self.system.cells[c]) for c in self.cells]
        if most is not None:
            put([(size + p, 1.0) for p in range(size)], -np.inf, most)
        matrix = coo_array((value, (row, column)), shape=(len(lows), 2 * size)).tocsr()
        with _stdout_spared():
            result = milp(
                np.array([0.0] * size + costs),
                constraints=LinearConstraint(matrix, np.array(lows), np.array(highs)),
                integrality=np.array([0] * size + [1] * size),
                bounds=Bounds(
                    np.array([self._lowest(c) for c in self.cells] + [0.0] * size),
                    np.array([self.most] * size + [1.0] * size),
                ),
                # Presolve saves nothing on programs this small.
                options={"node_limit": _NODES, "presolve": False},
            )
        self.proven = result.status in (_OPTIMAL, _INFEASIBLE)
        if result.x is None:
            return None
        return {
            cell: round(result.x[place] * self.unit)
            for place, cell in enumerate(self.cells)
            if result.x[size + place] > 0.5
        }


def _several(system: System) -> Repairs:
    program = _Program(system)
    found: list[Repair] = []
    smallest: int | None = None
    listed: set[int] = set()
    for _ in range(_ROUNDS):
        proposal = program.solve(MOST_CHANGED if smallest is None else smallest)
        if proposal is None or not program.proven:
            return Repairs(tuple(found), bool(found) and program.proven)
        touched = {n for cell in proposal for n in system.equations_of[cell]}
        grown = [program.add(n) for n in touched if not system.holds(n, proposal)]
        if any(grown):
            continue
        changes = _settle(system, proposal)
        if changes is None:
            # The program's tolerance let a broken identity pass.
            program.demand(proposal)
            continue
        smallest = len(changes) if smallest is None else smallest
        alternatives = tuple(_instead(system, changes, one) for one in changes)
        found.append(Repair(changes, alternatives))
        listed |= {c.cell for c in changes} | {c.cell for alt in alternatives for c in alt}
        if len(found) == MOST_SETS:
            break
        program.demand(listed)
    return Repairs(tuple(found), False)


def _settle(system: System, proposal: Mapping[int, int]) -> tuple[Change, ...] | None:
    """A proposal in exact amounts, or None when it does not make everything hold."""
    by = dict(proposal)
    for _ in range(2):
        for cell in proposal:
            low, high = _room(system, cell, by)
            if low is not None and high is not None and low > high:
                continue
            by[cell] = _best(system, cell, by, low, high)
    touched = {n for cell in by for n in system.equations_of[cell]}
    if not all(system.holds(n, by) for n in {*system.violated, *touched}):
        return None
    changes = tuple(_change(system, cell, by) for cell in by)
    if any(change is None for change in changes):
        return None
    return tuple(change for change in changes if change is not None)


def _instead(system: System, changes: Sequence[Change], one: Change) -> tuple[Change, ...]:
    """Other cells whose change would do as well as this one's, the rest of the set as it is."""
    rest = {c.cell: c.ticks - system.cells[c.cell].ticks for c in changes if c is not one}
    others = (c for c in singles(system, rest) if c.cell != one.cell)
    return tuple(sorted(others, key=lambda c: cost(system.cells[c.cell])))
