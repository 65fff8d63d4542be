"""From what several readers saw, one set of facts: a figure counts when two readers agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from disclosures.amounts import CellState
from disclosures.model import Box, Fact, FormReading

FactKey = tuple[str, str, str, str]
_Value = tuple[CellState, Decimal | str | None]


#: Why a fact is not agreed, as its note.
ONE_READER = "只有一种读取方式读到"
READERS_DIFFER = "各读取方式结果不一"


class Method(StrEnum):
    """How a reader told columns apart: by ruling lines, by the places of words, by grammar."""

    RULED = "ruled"
    PLACED = "placed"
    GRAMMAR = "grammar"


@dataclass(frozen=True, slots=True)
class Witness:
    """What one reader saw. Facts carry the reader's own boxes and pages."""

    reader: str
    forms: tuple[FormReading, ...]
    facts: tuple[Fact, ...]
    method: Method = Method.RULED


@dataclass(frozen=True, slots=True)
class _Vote:
    reader: str
    method: Method
    fact: Fact


@dataclass(frozen=True, slots=True)
class Agreement:
    """The facts of all witnesses, each key once; ``dropped`` tells what was left out and why."""

    facts: tuple[Fact, ...]
    dropped: tuple[str, ...] = ()
    dropped_forms: frozenset[str] = frozenset()

    @property
    def open_facts(self) -> list[Fact]:
        """Facts on which the witnesses do not settle."""
        return [fact for fact in self.facts if not fact.agreed]


def disputed(witnesses: Sequence[Witness]) -> list[Fact]:
    """Facts on which the witnesses so far do not settle, one per key."""
    return agree(witnesses).open_facts


def agree(witnesses: Sequence[Witness]) -> Agreement:
    """Settle every cell by its witnesses.

    A value that at least two witnesses saw, and more than saw any other value, is agreed;
    witnesses that saw something unreadable abstain. All else keeps the value that most (or the
    first) saw and is marked not agreed. A lone reading of a cell that others agree on under
    another row, or by a reader that misread most of the form, is set aside and told in
    ``dropped``.
    """
    seen: dict[FactKey, list[_Vote]] = {}
    for witness in witnesses:
        for fact in witness.facts:
            vote = _Vote(witness.reader, witness.method, fact)
            seen.setdefault(fact.key, []).append(vote)
    settled = [_settle(votes) for votes in seen.values()]
    agreed = [fact for fact in settled if fact.agreed]
    unreliable = _unreliable(witnesses, {fact.key: fact for fact in agreed})
    kept: list[Fact] = []
    misfiled: Counter[tuple[str, str]] = Counter()
    for fact in settled:
        alone = not fact.agreed and len(seen[fact.key]) == 1
        if alone and (
            (fact.readers[0], fact.form) in unreliable or any(_same_cell(fact, a) for a in agreed)
        ):
            misfiled[fact.form, fact.readers[0]] += 1
        else:
            kept.append(fact)
    dropped = tuple(
        f"表{form}：{reader}读出的{count}个数字未采用，其所在单元格其他读取方式结果一致，或该表被其误读"
        for (form, reader), count in sorted(misfiled.items())
    )
    forms = frozenset(form for form, _ in misfiled)
    return Agreement(tuple(_in_order(kept, witnesses)), dropped, forms)


def _unreliable(
    witnesses: Sequence[Witness], agreed: Mapping[FactKey, Fact]
) -> frozenset[tuple[str, str]]:
    """Readers that misread a form: two others agree on most of it, and not with them.

    Their remaining readings are debris (rows cut in two, words as amounts), not lost cells.
    """
    bad: set[tuple[str, str]] = set()
    for form in {fact.form for fact in agreed.values()}:
        size = sum(fact.form == form for fact in agreed.values())
        for witness in witnesses:
            own = [fact for fact in witness.facts if fact.form == form]
            right = sum(
                fact.key in agreed and witness.reader in agreed[fact.key].readers for fact in own
            )
            if 2 * right < len(own) and 2 * right < size:
                bad.add((witness.reader, form))
    return frozenset(bad)


def agree_forms(witnesses: Sequence[Witness]) -> tuple[FormReading, ...]:
    """Every form that any witness found, with all its pages, in the order of the document."""
    found: dict[str, FormReading] = {}
    for witness in witnesses:
        for form in witness.forms:
            first = found.get(form.form)
            if first is None:
                found[form.form] = form
            else:
                pages = tuple(sorted({*first.pages, *form.pages}))
                found[form.form] = replace(first, pages=pages)
    return tuple(sorted(found.values(), key=lambda form: (form.pages[:1] or (0,), form.form)))


def _value(fact: Fact) -> _Value:
    if fact.state is CellState.UNREADABLE:
        return (fact.state, "".join(fact.text.split()))
    return (fact.state, fact.amount_wan)


def _settle(votes: Sequence[_Vote]) -> Fact:
    values = {_value(vote.fact) for vote in votes}
    if len(votes) > 1 and len(values) == 1 and _saw(votes[0]):
        return _by(votes, votes)
    leading, agreed = _lead(votes)
    if not _saw(leading[0]) and all(vote.method is not Method.RULED for vote in leading):
        # The same figures without a place on both stacks: what is printed is unknown.
        agreed = False
    note = None
    if not agreed:
        camps: dict[_Value, list[_Vote]] = {}
        for vote in votes:
            camps.setdefault(_value(vote.fact), []).append(vote)
        readings = "; ".join(
            f"{', '.join(vote.reader for vote in camp)}: {camp[0].fact.text!r}"
            for camp in camps.values()
        )
        note = ONE_READER if len(votes) == 1 else f"{READERS_DIFFER} ({readings})"
    return _by(leading, votes, agreed=agreed, note=note)


def _by(
    votes: Sequence[_Vote],
    of: Sequence[_Vote],
    *,
    agreed: bool = True,
    note: str | None = None,
) -> Fact:
    """The fact that some of the votes give; the others' texts are kept as seen."""
    fact = _fullest(vote.fact for vote in votes)
    return replace(
        fact,
        readers=tuple(dict.fromkeys(vote.reader for vote in votes)),
        agreed=agreed,
        note="; ".join(filter(None, (fact.note, note))) or None,
        seen=()
        if len(of) == len(votes)
        else tuple(
            dict.fromkeys(
                (vote.reader, vote.fact.text) for vote in of if _value(vote.fact) != _value(fact)
            )
        ),
    )


def _lead(votes: Sequence[_Vote]) -> tuple[list[_Vote], bool]:
    """The votes for the value that most saw, and whether two or more outvote all others."""
    camps: dict[_Value, list[_Vote]] = {}
    for vote in votes:
        camps.setdefault(_value(vote.fact), []).append(vote)
    # Stable: among camps of one size the first witness leads.
    leading, *others = sorted(camps.values(), key=lambda camp: (not _saw(camp[0]), -len(camp)))
    rivals = [len(camp) for camp in others if _saw(camp[0])]
    return leading, len(leading) >= 2 and len(leading) > max(rivals, default=0)


def _saw(vote: _Vote) -> bool:
    return vote.fact.state is not CellState.UNREADABLE


def _fullest(facts: Iterable[Fact]) -> Fact:
    """The first fact, with the most decimals that any reader saw.

    A reader may cut the last digit where a figure is wider than its cell; when that digit is
    zero the amounts are equal, and the longer print is the true one.
    """
    candidates = list(facts)
    first = candidates[0]
    longest = max(candidates, key=lambda fact: -1 if fact.decimals is None else fact.decimals)
    if longest.decimals == first.decimals:
        longest = first
    boxed = next((fact for fact in candidates if fact.bbox is not None), first)
    if longest is first and boxed is first:
        return first
    return replace(first, text=longest.text, decimals=longest.decimals, bbox=boxed.bbox)


def _same_cell(fact: Fact, other: Fact) -> bool:
    if fact.form != other.form or fact.page != other.page or fact.bbox is None:
        return False
    return other.bbox is not None and _covers(other.bbox, fact.bbox)


def _covers(box: Box, inner: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _in_order(facts: list[Fact], witnesses: Sequence[Witness]) -> list[Fact]:
    """The first witness's order; cells that only others saw come after their row, or last."""
    place: dict[tuple[str, str, str], int] = {}
    for witness in witnesses:
        for fact in witness.facts:
            place.setdefault(fact.key[:3], len(place))
    return sorted(facts, key=lambda fact: place[fact.key[:3]])
