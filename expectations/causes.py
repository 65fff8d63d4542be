"""Which figures are most likely wrong: repairs as causes, with what speaks for each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from disclosures.verdicts import Cause, Operand, State, Sureness, Suspect
from expectations import wording
from expectations.equations import FUNCTIONAL, Cell, System
from expectations.repair import Change, Repair, Repairs, cost, repair, singles

#: What each kind of evidence weighs; only the order and the clear lead matter.
SEEN, LIKE_A_SLIP, SAME_ELSEWHERE, ONE_DIGIT, SOFT = 8, 3, 3, 2, 1
#: A lead that makes the first suspect more likely than the second.
_LEAD: Final = 2
#: Printed values beside the best one that are tried as slips, on either side.
_NEAR: Final = 2

Seen = Callable[[int], Sequence[tuple[str, int]]]
Names = Callable[[int], str]
Operands = Callable[[int, str], Operand]


@dataclass(frozen=True)
class Sources:
    """What a batch knows of its cells, by position: the ``operand`` of a finding, the printed
    ``name``, and what readers ``seen`` otherwise as (reader, ticks)."""

    operand: Operands
    name: Names
    seen: Seen


@dataclass(frozen=True)
class _Weighed:
    change: Change
    score: int
    reasons: tuple[str, ...]
    reader: str | None = None


def causes(system: System, sources: Sources) -> list[Cause]:
    """The causes of a disclosure's violated identities; empty when none could be found."""
    found = repair(system)
    return _Weigher(system, sources).causes(found)


class _Weigher:
    def __init__(self, system: System, sources: Sources) -> None:
        self.system, self.sources = system, sources
        self._alike: dict[tuple[str, str], list[Cell]] = defaultdict(list)
        self._forms_with: dict[str, set[str]] = defaultdict(set)
        for cell in system.cells:
            if cell.position is None or cell.is_zero:
                continue
            form, _, row, column = cell.key
            self._forms_with[row].add(form)
            for word in {row, sources.name(cell.position)} - {"", "only"}:
                self._alike[word, column].append(cell)
        self._soft: dict[int, list[int]] = defaultdict(list)
        for n, equation in enumerate(system.equations):
            if equation.violated and not equation.is_certain:
                for number, _ in equation.terms:
                    self._soft[number].append(n)

    def causes(self, found: Repairs) -> list[Cause]:
        options = [self._choose(one) for one in found.repairs]
        # Stable: the cheapest set stays first among equally supported ones.
        options.sort(key=lambda option: -sum(suspects[0].score for suspects in option))
        made: list[Cause] = []
        for number, option in enumerate(options):
            scores = [sum(s[0].score for s in one) for one in options]
            leads = len(options) == 1 or (number == 0 and scores[0] >= scores[1] + _LEAD)
            only = len(options) == 1 and found.complete
            ordered = sorted(option, key=lambda s: (-len(self._explained(s[0])), s[0].change.cell))
            for suspects in ordered:
                made.append(self._cause(len(made) + 1, number, suspects, option, leads, only))
        return made

    def _choose(self, one: Repair) -> list[list[_Weighed]]:
        """Per change the suspects, best first; the set of the first ones repairs everything."""
        chosen = list(one.changes)
        for n, change in enumerate(chosen):
            instead = one.instead[n] if len(chosen) == 1 else self._instead(chosen, change)
            chosen[n] = self._ranked([change, *instead], chosen)[0].change
        if len(chosen) == 1:
            return [self._ranked([*one.changes, *one.instead[0]], chosen)]
        return [self._ranked([c, *self._instead(chosen, c)], chosen) for c in chosen]

    def _instead(self, chosen: Sequence[Change], change: Change) -> list[Change]:
        rest = {c.cell: self._by(c) for c in chosen if c.cell != change.cell}
        return [c for c in singles(self.system, rest) if c.cell != change.cell]

    def _by(self, change: Change) -> int:
        return change.ticks - self.system.cells[change.cell].ticks

    def _ranked(self, changes: Iterable[Change], chosen: Sequence[Change]) -> list[_Weighed]:
        weighed = [self._weigh(change, chosen) for change in changes]
        return sorted(weighed, key=lambda w: (-w.score, self._oddity(w.change), w.change.cell))

    def _oddity(self, change: Change) -> float:
        """Among equally supported ones: a figure that is printed goes before a blank, and one that
        keeps its sign before one that would have to be below zero."""
        cell = self.system.cells[change.cell]
        return cost(cell) + (1 if change.ticks < 0 <= cell.ticks else 0)

    # -- evidence

    def _weigh(self, change: Change, chosen: Sequence[Change]) -> _Weighed:
        cell = self.system.cells[change.cell]
        score, reasons, reader = 0, [], None
        if cell.position is not None:
            for name, ticks in self.sources.seen(cell.position):
                if _within(ticks, change):
                    reader = name
                    score += SEEN
                    reasons.append(f"读取程序 {name} 看到的是 {wording.wan(ticks)}")
                    change = Change(change.cell, ticks, change.low, change.high)
                    break
        slip = self._slip(cell, change)
        if slip is not None:
            weight, reason, ticks = slip
            score += weight
            reasons.append(reason)
            if reader is None:
                change = Change(change.cell, ticks, change.low, change.high)
        swapped = self._swapped(cell, change, chosen)
        if swapped is not None:
            score += LIKE_A_SLIP
            reasons.append(swapped)
        extra = self._extra(cell, change)
        if extra is not None:
            score += LIKE_A_SLIP
            reasons.append(extra)
        elsewhere = self._elsewhere(cell, change)
        if elsewhere is not None:
            score += SAME_ELSEWHERE
            reasons.append(elsewhere)
        by = {change.cell: change.ticks - cell.ticks}
        soft = sum(self.system.holds(n, by) for n in self._soft.get(change.cell, ()))
        return _Weighed(change, score + SOFT * soft, tuple(reasons), reader)

    @staticmethod
    def _slip(cell: Cell, change: Change) -> tuple[int, str, int] | None:
        """A slip of the hand that leads from the repaired figure to the printed one."""
        unit = max(1, 2 * cell.half)
        near = (change.ticks + step * unit for step in range(-_NEAR, _NEAR + 1))
        best: tuple[int, str, int] | None = None
        for ticks in sorted(near, key=lambda t: abs(t - change.ticks)):
            if not _within(ticks, change):
                continue
            kind = slip(cell.ticks // unit, ticks // unit)
            if kind is not None and (best is None or kind[0] > best[0]):
                best = (*kind, ticks)
        return best

    def _swapped(self, cell: Cell, change: Change, chosen: Sequence[Change]) -> str | None:
        form, side, _, column = cell.key
        partners = {c.cell: c for c in chosen if c.cell != change.cell}
        for number, partner in partners.items():
            other = self.system.cells[number]
            near = other.key[:3] == cell.key[:3] or (
                other.key[:2] == (form, side) and other.key[3] == column
            )
            fits = _within(other.ticks, change) and _within(cell.ticks, partner)
            if near and fits and not (cell.is_zero and other.is_zero):
                return "两个数字位置对调"
        return None

    def _extra(self, cell: Cell, change: Change) -> str | None:
        """A figure that should not be there, in a row that no other form has: a row too many."""
        form, _, row, _ = cell.key
        if cell.is_zero or not _within(0, change) or not row.isdigit() or form not in FUNCTIONAL:
            return None
        others = self._forms_with[row] - {form}
        return None if others else f"其他各表均未列示科目 {row}，可能是多列的行"

    def _elsewhere(self, cell: Cell, change: Change) -> str | None:
        """Another form prints the repaired amount under the same name or code."""
        if change.ticks == 0:
            return None
        form, _, row, column = cell.key
        name = "" if cell.position is None else self.sources.name(cell.position)
        for word in filter(None, dict.fromkeys((row, name))):
            for own in (column, "total", "amount"):
                for other in self._alike.get((word, own), ()):
                    if other.key[0] != form and _within(other.ticks, change):
                        place = wording.cell_figure(other.key, None)
                        return f"与{place}一致"
        return None

    # -- what is told

    def _explained(self, weighed: _Weighed) -> list[tuple[str, str]]:
        """The violated identities in which a figure stands."""
        return [
            (equation.instance.rule.id, wording.subject(equation.instance, equation.code))
            for equation in self.system.equations
            if equation.violated and any(c == weighed.change.cell for c, _ in equation.terms)
        ]

    def _cause(
        self,
        ordinal: int,
        option: int,
        suspects: Sequence[_Weighed],
        together: Sequence[Sequence[_Weighed]],
        leads: bool,
        only: bool,
    ) -> Cause:
        first = suspects[0]
        sureness = Sureness.OPEN
        if len(suspects) == 1 and only:
            sureness = Sureness.SOLE
        elif leads and (len(suspects) == 1 or self._clearly_first(suspects)):
            sureness = Sureness.LIKELY
        cell = self.system.cells[first.change.cell]
        doubtful = first.reader is not None or cell.doubtful
        listed = tuple(self._suspect(one) for one in suspects)
        explains = tuple(self._explained(first))
        return Cause(
            ordinal=ordinal,
            option=option,
            sureness=sureness,
            state=State.EXTRACTION_SUSPECT if doubtful else State.FAIL,
            suspects=listed,
            explains=explains,
            message=wording.cause(
                listed,
                explained=len(explains),
                sureness=sureness,
                together=len(together),
                reader=first.reader,
                doubtful=doubtful,
                alternative=option > 0,
            ),
        )

    def _clearly_first(self, suspects: Sequence[_Weighed]) -> bool:
        first, second = suspects[0], suspects[1]
        if first.score >= second.score + _LEAD:
            return True
        cells = self.system.cells
        printed = not cells[first.change.cell].is_zero
        # That a blank, or a row that is not printed, should have held a figure is less likely.
        return printed and all(
            cells[s.change.cell].is_zero and s.score <= first.score for s in suspects[1:]
        )

    def _suspect(self, weighed: _Weighed) -> Suspect:
        change = weighed.change
        cell = self.system.cells[change.cell]
        return Suspect(
            operand=self._operand(cell),
            repair_wan=wording.amount(change.ticks),
            low_wan=None if change.low is None else wording.amount(change.low),
            high_wan=None if change.high is None else wording.amount(change.high),
            reasons=weighed.reasons,
        )

    def _operand(self, cell: Cell) -> Operand:
        if cell.position is not None:
            return self.sources.operand(cell.position, "suspect")
        form, side, row, column = cell.key
        return Operand(form, side or None, row, column, "", "", None, None, None, "suspect")


def _within(ticks: int, change: Change) -> bool:
    return (change.low is None or ticks >= change.low) and (
        change.high is None or ticks <= change.high
    )


def slip(printed: int, repaired: int) -> tuple[int, str] | None:
    """The slip that turns ``repaired`` into ``printed``, with its weight. Both count the last
    printed decimal; a figure of one or two digits resembles too many others."""
    if printed == repaired or not printed or not repaired:
        return None
    if printed == -repaired:
        return LIKE_A_SLIP, "正负号相反"
    if (printed < 0) != (repaired < 0):
        return None
    one, other = str(abs(printed)), str(abs(repaired))
    if min(len(one), len(other)) < 2:
        return None
    for digits in (1, 2, 3, 4):
        factor = 10**digits
        # The shifted figure was rounded again, or lost its last digits.
        if abs(repaired * factor - printed) < factor or abs(printed * factor - repaired) < factor:
            return LIKE_A_SLIP, "小数点移位"
    if len(one) == len(other):
        apart = [n for n in range(len(one)) if one[n] != other[n]]
        if len(apart) == 2 and apart[1] == apart[0] + 1:
            a, b = apart
            if one[a] == other[b] and one[b] == other[a]:
                return LIKE_A_SLIP, "相邻两位数字颠倒"
        if len(apart) == 1 and len(one) >= 3:
            return ONE_DIGIT, "只有一位数字不同"
        return None
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    if len(longer) == len(shorter) + 1 and len(shorter) >= 3:
        for n in range(len(longer)):
            if longer[:n] + longer[n + 1 :] == shorter:
                return ONE_DIGIT, "多写或漏写一位数字"
    return None
