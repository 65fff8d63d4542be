"""From what several readers saw, one set of facts: a figure counts when two readers agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from disclosures.amounts import CellState
from disclosures.model import Box, Fact, FormReading

FactKey = tuple[str, str, str, str]
_Value = tuple[CellState, Decimal | str | None]

#: Why a fact is not agreed, as its note.
ONE_READER = "seen by one reader only"
READERS_DIFFER = "readers differ"


@dataclass(frozen=True, slots=True)
class Witness:
    """What one reader saw. Facts carry the reader's own boxes and pages."""

    reader: str
    forms: tuple[FormReading, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """The facts of all witnesses, each key once; ``dropped`` tells what was left out and why."""

    facts: tuple[Fact, ...]
    dropped: tuple[str, ...] = ()


def disputed(witnesses: Sequence[Witness]) -> list[Fact]:
    """Facts on which the witnesses so far do not settle, one per key."""
    return [fact for fact in agree(witnesses).facts if not fact.agreed]


def agree(witnesses: Sequence[Witness]) -> Agreement:
    """Settle every cell by its witnesses.

    A value that at least two witnesses saw, and more than saw any other value, is agreed. All
    else keeps the value that most (or the first) saw and is marked not agreed. A lone reading of
    a cell that others agree on under another row, or by a reader that misread most of the form,
    is set aside and told in ``dropped``.
    """
    seen: dict[FactKey, list[tuple[str, Fact]]] = {}
    for witness in witnesses:
        for fact in witness.facts:
            seen.setdefault(fact.key, []).append((witness.reader, fact))
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
        f"form {form}: {count} readings of {reader} set aside, they are of cells that the others "
        "agree on or of a table that it misread"
        for (form, reader), count in sorted(misfiled.items())
    )
    return Agreement(tuple(_in_order(kept, witnesses)), dropped)


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


def _settle(votes: Sequence[tuple[str, Fact]]) -> Fact:
    camps: dict[_Value, list[tuple[str, Fact]]] = {}
    for reader, fact in votes:
        camps.setdefault(_value(fact), []).append((reader, fact))
    ranked = sorted(camps.values(), key=len, reverse=True)  # stable: the first witness leads
    leading = ranked[0]
    outnumbered = len(ranked) == 1 or len(leading) > len(ranked[1])
    agreed = len(leading) >= 2 and outnumbered
    note = None
    if not agreed:
        readings = "; ".join(
            f"{', '.join(reader for reader, _ in camp)}: {camp[0][1].text!r}" for camp in ranked
        )
        note = ONE_READER if len(votes) == 1 else f"{READERS_DIFFER} ({readings})"
    fact = _fullest(fact for _, fact in leading)
    return replace(
        fact,
        readers=tuple(dict.fromkeys(reader for reader, _ in leading)),
        agreed=agreed,
        note="; ".join(filter(None, (fact.note, note))) or None,
    )


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
