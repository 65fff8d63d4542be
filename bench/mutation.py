"""How well are wrong figures found and named: clean disclosures with figures changed on purpose.

    python -m bench.mutation [--changes N] [--seed S] [--show N]

Clean disclosures are synthetic figures taken as facts, and the real ones in ``../shared`` that no
identity objects to. One figure (or a row, two rows, two columns; or two and three figures at once)
is changed beyond rounding: by more than twice the widest tolerance of the identities in which it
stands. Printed per kind of change and per place:

* detected: an error-level identity is violated that was not before;
* first: of the detected ones, those where the first-named figure is a changed one;
* top 3: a changed figure is among the first three named;
* listed: every changed figure is among those named;
* exact: the first-named figures of all causes are the changed ones, all of them and no others.

Detail items of form 06 are told apart: one sum covers many of them, so they can only be listed.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table as Printout

from disclosures.amounts import MoneyUnit, half_unit_wan, parse_amount
from disclosures.forms import forms
from disclosures.model import DocumentKind, Fact, FormReading, Reading
from disclosures.reading.text import read_text
from disclosures.rendering import Figures, layouts
from disclosures.rendering.figures import CodedFigures, PanelFigures
from disclosures.rendering.synthetic import synthetic_figures
from disclosures.rendering.tables import form_tables
from disclosures.verdicts import Judgement, Severity, State
from expectations.catalogue import load_catalogue
from expectations.equations import System
from expectations.judge import JudgedBatch, judge_batch
from warehouse.batches import Batch

Key = tuple[str, str, str, str]
Cells = dict[Key, Fact]

LAYOUT: Final = "central"
SEEDS: Final = Path(__file__).resolve().parents[2] / "shared" / "seeds"
#: Disclosures judged together: memory, not time, is the limit.
CHUNK: Final = 400
CHANGES_PER_DISCLOSURE: Final = 8
LEAF: Final = "06 detail item"


# ------------------------------------------------------------------------------ clean figures


def facts_of(figures: Figures) -> tuple[Fact, ...]:
    """The printed cells of the nine forms as a perfect reader would give them."""
    names = _names(figures)
    facts: dict[Key, Fact] = {}
    for table in form_tables(figures, layouts()[_layout()]):
        for row in table.body:
            for cell in row:
                states = cell.states
                if states is None:
                    continue
                printed = parse_amount(states.figure)
                fact = Fact(
                    form=states.form,
                    side=states.side,
                    row=states.row,
                    line=None,
                    code=states.row if states.row.isdigit() else None,
                    name=names.get((states.form, states.row), states.row),
                    column=states.column,
                    amount_wan=printed.wan(states.unit),
                    text=states.figure,
                    decimals=printed.decimals,
                    state=printed.state,
                    unit=states.unit,
                    page=int(states.form),
                    readers=("first", "second"),
                )
                facts[fact.key] = fact
    return tuple(facts.values())


def _layout() -> str:
    if LAYOUT in layouts():
        return LAYOUT
    return next(
        name
        for name, layout in layouts().items()
        if layout.forms.money == "as_given"
        and any("forms" in part.content for part in layout.parts)
    )


def _names(figures: Figures) -> dict[tuple[str, str], str]:
    names: dict[tuple[str, str], str] = {}
    for key, form in forms().items():
        for side in form.sides:
            names |= {(key, line.key): line.title for line in form.lines_of(side)}
    for key, given in figures.forms.present():
        if isinstance(given, CodedFigures):
            names |= {(key, row.code): row.name for row in given.rows}
        elif isinstance(given, PanelFigures):
            names |= {(key, item.code): item.name for item in given.items}
    return names


def reading_of(name: str, figures: Figures) -> Reading:
    """A reading of synthetic figures without a document."""
    return Reading(
        sha256=name,
        media_type="application/pdf",
        kind=DocumentKind.FINAL_ACCOUNTS,
        agency=figures.agency,
        year=figures.year,
        forms=tuple(
            FormReading(
                form=key,
                title=forms()[key].title,
                pages=(int(key),),
                unit=figures.forms_unit,
                variant="",
                declared_empty=bool(given.empty_statement),
            )
            for key, given in figures.forms.present()
        ),
        facts=facts_of(figures),
    )


def real_readings() -> Iterator[Reading]:
    """The real disclosures at hand, as text."""
    for path in sorted(SEEDS.glob("*.txt")) if SEEDS.is_dir() else ():
        text = read_text(path)
        if text.forms:
            yield Reading(
                sha256=path.stem,
                media_type="text/plain",
                kind=DocumentKind.FINAL_ACCOUNTS,
                agency=path.stem,
                year=2023,
                forms=tuple(form for form, _ in text.forms),
                facts=tuple(fact for _, facts in text.forms for fact in facts),
            )


# ------------------------------------------------------------------------------------ changes


@dataclass(frozen=True)
class Clean:
    """An untouched disclosure with its identities; ``width`` is per figure the widest tolerance
    of the identities in which it stands, in ticks (absent: no identity covers it)."""

    reading: Reading
    system: System
    cells: Cells
    width: Mapping[Key, int]
    totals: Mapping[Key, tuple[Key, ...]]

    @classmethod
    def of(cls, reading: Reading, system: System) -> Clean:
        width: dict[Key, int] = {}
        totals: dict[Key, tuple[Key, ...]] = {}
        for equation in system.equations:
            if not equation.is_certain:
                continue
            for number, _ in equation.terms:
                key = system.cells[number].key
                width[key] = max(width.get(key, 0), -equation.low)
            if equation.stated is not None and equation.high is not None:
                parts = [n for n, factor in equation.terms if factor < 0]
                if len(parts) > 1:
                    stated = system.cells[equation.stated].key
                    totals[stated] = tuple(system.cells[n].key for n in parts)
        return cls(reading, system, {f.key: f for f in reading.facts}, width, totals)

    def amount(self, key: Key) -> Decimal:
        fact = self.cells.get(key)
        return (fact.amount_wan if fact else None) or Decimal(0)

    def unit(self, key: Key) -> Decimal:
        """One of the last printed decimal, in 万元."""
        fact = self.cells[key]
        return 2 * half_unit_wan(fact.decimals if fact.decimals is not None else 2, fact.unit)


#: New amounts in 万元 by key; None for a figure that is no longer there.
Edit = dict[Key, Decimal | None]


def _digits(amount: Decimal, unit: Decimal) -> str:
    return str(int(abs(amount) / unit))


def _value(digits: str, like: Decimal, unit: Decimal) -> Decimal:
    return int(digits) * unit * (-1 if like < 0 else 1)


def digit(clean: Clean, key: Key, rng: random.Random) -> Edit:
    amount, unit = clean.amount(key), clean.unit(key)
    digits = list(_digits(amount, unit))
    place = rng.randrange(len(digits))
    digits[place] = rng.choice([d for d in "0123456789" if d != digits[place]])
    return {key: _value("".join(digits), amount, unit)}


def transposition(clean: Clean, key: Key, rng: random.Random) -> Edit:
    amount, unit = clean.amount(key), clean.unit(key)
    digits = _digits(amount, unit)
    places = [n for n in range(len(digits) - 1) if digits[n] != digits[n + 1]]
    if not places:
        return {}
    n = rng.choice(places)
    swapped = digits[:n] + digits[n + 1] + digits[n] + digits[n + 2 :]
    return {key: _value(swapped, amount, unit)}


def decimal_shift(clean: Clean, key: Key, rng: random.Random) -> Edit:
    by = rng.choice((-2, -1, 1, 2))
    return {key: (clean.amount(key).scaleb(by)).quantize(clean.unit(key))}


def sign(clean: Clean, key: Key, rng: random.Random) -> Edit:
    return {key: -clean.amount(key)}


def stale(clean: Clean, key: Key, rng: random.Random) -> Edit:
    """Last year's figure."""
    factor = Decimal(str(round(rng.choice((rng.uniform(0.5, 0.97), rng.uniform(1.03, 2))), 4)))
    return {key: (clean.amount(key) * factor).quantize(clean.unit(key))}


def total_unadjusted(clean: Clean, key: Key, rng: random.Random) -> Edit:
    """A total from which one of its parts was left out."""
    parts = [p for p in clean.totals.get(key, ()) if clean.amount(p)]
    if len(parts) < 2:
        return {}
    return {key: clean.amount(key) - clean.amount(rng.choice(parts))}


def swapped_columns(clean: Clean, key: Key, rng: random.Random) -> Edit:
    row = [k for k in clean.cells if k[:3] == key[:3] and k != key]
    others = [k for k in row if clean.amount(k) != clean.amount(key)]
    if not others or key[0] == "09":
        return {}
    other = rng.choice(others)
    return {key: clean.amount(other), other: clean.amount(key)}


def _row(clean: Clean, key: Key) -> dict[str, Key]:
    return {k[3]: k for k in clean.cells if k[:3] == key[:3]}


def swapped_rows(clean: Clean, key: Key, rng: random.Random) -> Edit:
    if not key[2].isdigit():
        return {}
    rows = {
        k[2]
        for k in clean.cells
        if k[:2] == key[:2] and k[2].isdigit() and len(k[2]) == len(key[2]) and k[2] != key[2]
    }
    rows = {row for row in rows if clean.amount((*key[:2], row, key[3])) != clean.amount(key)}
    if not rows:
        return {}
    other = rng.choice(sorted(rows))
    edit: Edit = {}
    for column, own in _row(clean, key).items():
        theirs = (*key[:2], other, column)
        if clean.amount(own) != clean.amount(theirs):
            edit[own], edit[theirs] = clean.amount(theirs), clean.amount(own)
    return edit


def dropped_row(clean: Clean, key: Key, rng: random.Random) -> Edit:
    if not key[2].isdigit() or forms()[key[0]].codes is None:
        return {}
    if any(k[2].startswith(key[2]) and k[2] != key[2] for k in clean.cells if k[0] == key[0]):
        return {}
    return dict.fromkeys(_row(clean, key).values())


def doubled_row(clean: Clean, key: Key, rng: random.Random) -> Edit:
    """A detail row once more, under the next free code."""
    if forms()[key[0]].codes is None or not key[2].isdigit() or len(key[2]) < 5:
        return {}
    codes = {k[2] for k in clean.cells if k[0] == key[0]}
    if any(c.startswith(key[2]) and c != key[2] for c in codes):
        return {}
    above = key[2][:-2]
    free = [f"{above}{n:02d}" for n in range(90, 99) if f"{above}{n:02d}" not in codes]
    return {
        (*key[:2], free[0], column): clean.amount(own)
        for column, own in _row(clean, key).items()
        if clean.amount(own)
    }


Kind = Callable[[Clean, Key, random.Random], Edit]
SINGLE: Final[Mapping[str, Kind]] = {
    "digit": digit,
    "transposition": transposition,
    "decimal shift": decimal_shift,
    "sign": sign,
    "stale figure": stale,
    "total unadjusted": total_unadjusted,
}
ROWS: Final[Mapping[str, Kind]] = {
    "swapped columns": swapped_columns,
    "swapped rows": swapped_rows,
    "dropped row": dropped_row,
    "doubled row": doubled_row,
}
PLAN: Final = (*SINGLE, *SINGLE, *ROWS, "two at once", "three at once")


@dataclass(frozen=True)
class Change:
    """A disclosure with something changed; ``keys`` are the figures that differ."""

    kind: str
    place: str
    keys: frozenset[Key]
    covered: bool
    clean: Clean
    edit: Edit = field(repr=False)

    def reading(self, name: str) -> Reading:
        facts: list[Fact] = []
        todo = dict(self.edit)
        for fact in self.clean.reading.facts:
            if fact.key not in todo:
                facts.append(fact)
                continue
            amount = todo.pop(fact.key)
            if amount is not None:
                facts.append(_printed(fact, amount))
        templates = {f.key[0:2] + f.key[3:]: f for f in self.clean.reading.facts}
        for key, amount in todo.items():
            like = templates[key[0], key[1], key[3]]
            if amount is not None:
                new = replace(like, row=key[2], code=key[2], name=f"科目{key[2]}")
                facts.append(_printed(new, amount))
        return replace(self.clean.reading, sha256=name, facts=tuple(facts))


def _printed(fact: Fact, amount: Decimal) -> Fact:
    decimals = fact.decimals if fact.decimals is not None else 2
    printed = amount.scaleb(-fact.unit.exponent)
    shown = parse_amount(f"{printed:.{decimals}f}")
    return replace(fact, amount_wan=amount, text=shown.text, decimals=decimals, state=shown.state)


def place_of(key: Key) -> str:
    if key[0] == "06" and len(key[2]) >= 5 and key[2].isdigit():
        return LEAF
    return key[0]


def draw(clean: Clean, kind: str, rng: random.Random) -> Change | None:
    """One change of a kind beyond rounding, or None when this draw gives none."""
    filled = [k for k in clean.cells if clean.amount(k)]
    if kind in ("two at once", "three at once"):
        edit: Edit = {}
        for _ in range(2 if kind == "two at once" else 3):
            single = draw(clean, rng.choice(list(SINGLE)), rng)
            if single is None or single.keys & edit.keys():
                return None
            edit |= single.edit
        places = {place_of(k) for k in edit}
        place = LEAF if LEAF in places else "forms"
        return Change(
            kind, place, frozenset(edit), all(k in clean.width for k in edit), clean, edit
        )
    key = rng.choice(filled)
    edit = (SINGLE.get(kind) or ROWS[kind])(clean, key, rng)
    keys = frozenset(k for k, amount in edit.items() if (amount or Decimal(0)) != clean.amount(k))
    for k in keys:
        width = Decimal(clean.width.get(k, 0)) / 10**8
        if k in clean.cells and abs((edit[k] or Decimal(0)) - clean.amount(k)) <= 2 * width:
            return None
    if not keys:
        return None
    covered = any(k in clean.width or k not in clean.cells for k in keys)
    return Change(kind, place_of(key), keys, covered, clean, edit)


# ------------------------------------------------------------------------------------ scoring


@dataclass
class Tally:
    """Counts of one kind or place."""

    changes: int = 0
    uncovered: int = 0
    detected: int = 0
    first: int = 0
    top3: int = 0
    listed: int = 0
    exact: int = 0

    def add(self, change: Change, judgement: Judgement, known: frozenset[tuple[str, str]]) -> str:
        """Count one; returns what went wrong, if anything."""
        self.changes += 1
        self.uncovered += not change.covered
        new = {
            (f.rule, f.subject)
            for f in judgement.findings
            if f.state is State.FAIL and f.severity is Severity.ERROR
        } - known
        if not new:
            return "not detected" if change.covered else "no identity"
        self.detected += 1
        best = [c for c in judgement.causes if c.option == 0]
        named: list[Key] = []
        for cause in best:
            named += [_key(s) for s in cause.suspects[:1]]
        everyone = [_key(s) for c in judgement.causes for s in c.suspects]
        row = list(dict.fromkeys([*named, *everyone]))
        self.first += bool(named) and named[0] in change.keys
        self.top3 += any(k in change.keys for k in row[:3])
        self.listed += change.keys <= set(everyone)
        self.exact += set(named) == change.keys
        if not named:
            return "no cause found"
        return "" if set(named) == change.keys else f"named {sorted(named)}"


def _key(suspect: object) -> Key:
    operand = suspect.operand  # type: ignore[attr-defined]
    return (operand.form or "", operand.side or "", operand.row, operand.column)


def judged(readings: Mapping[str, Reading]) -> Iterator[tuple[str, Judgement, JudgedBatch, int]]:
    """Judge in chunks: id, judgement, its batch and its place in it."""
    names = list(readings)
    for start in range(0, len(names), CHUNK):
        wanted = names[start : start + CHUNK]
        batch = Batch.from_readings({n: [readings[n]] for n in wanted})
        result = judge_batch(batch, load_catalogue())
        for place, one in enumerate(result.judgements):
            yield one.disclosure_id, one, result, place


def errors_of(judgement: Judgement) -> list[str]:
    return [
        f"{f.rule} {f.subject}: {f.message}"
        for f in judgement.findings
        if f.state is State.FAIL and f.severity is Severity.ERROR
    ]


def clean_disclosures(count: int, seed: int) -> tuple[list[Clean], list[str], int]:
    """Untouched disclosures that can be changed, and the errors reported on synthetic ones, which
    are all false."""
    readings = {}
    for n in range(count):
        unit = MoneyUnit.YUAN if n % 10 == 9 else MoneyUnit.WAN
        readings[f"s{n}"] = reading_of(f"s{n}", synthetic_figures(seed + n, forms_unit=unit))
    synthetic = len(readings)
    readings |= {one.sha256: one for one in real_readings()}
    found: list[Clean] = []
    false: list[str] = []
    for name, judgement, batch, place in judged(readings):
        errors = errors_of(judgement)
        if errors and name.startswith("s") and name[1:].isdigit():
            false += [f"{name}: {error}" for error in errors]
        elif not errors and batch.equations is not None:
            found.append(Clean.of(readings[name], batch.equations.system(place)))
    return found, false, synthetic


def main() -> None:
    """Print the tables; status 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.mutation", description=__doc__)
    parser.add_argument("--changes", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=0, help="print so many of what went wrong")
    options = parser.parse_args()
    console = Console(width=150)
    rng = random.Random(options.seed)
    start = time.perf_counter()
    count = max(20, options.changes // CHANGES_PER_DISCLOSURE)
    clean, false, synthetic = clean_disclosures(count, options.seed * 1000)
    untouched_s = time.perf_counter() - start
    changes: dict[str, Change] = {}
    while len(changes) < options.changes:
        kind = PLAN[len(changes) % len(PLAN)]
        drawn = draw(rng.choice(clean), kind, rng)
        if drawn is not None:
            changes[f"m{len(changes)}"] = drawn
    start = time.perf_counter()
    by_kind: dict[str, Tally] = defaultdict(Tally)
    by_place: dict[str, Tally] = defaultdict(Tally)
    outside, leaves, several = Tally(), Tally(), Tally()
    uncovered: Counter[str] = Counter()
    wrong: list[str] = []
    readings = {name: change.reading(name) for name, change in changes.items()}
    for name, judgement, _, _ in judged(readings):
        change = changes[name]
        known: frozenset[tuple[str, str]] = frozenset()
        told = by_kind[change.kind].add(change, judgement, known)
        if change.kind in SINGLE:
            by_place[change.place].add(change, judgement, known)
            (leaves if change.place == LEAF else outside).add(change, judgement, known)
            if not change.covered:
                uncovered.update(f"{k[0]}.{k[1]}.{k[3]}" for k in change.keys)
        elif change.kind not in ROWS and change.place != LEAF:
            several.add(change, judgement, known)
        if told and told != "no identity" and not (change.place == LEAF and "named" in told):
            wrong.append(f"{change.kind} {change.place} {sorted(change.keys)}: {told}")
    judged_s = time.perf_counter() - start
    for title, tallies in (("kind", by_kind), ("place (one figure changed)", by_place)):
        table = Printout(title=f"By {title}", title_justify="left")
        for column in (title, "changes", "no identity", "detected", "first", "top 3", "listed"):
            table.add_column(column, justify="left" if column == title else "right")
        table.add_column("exact", justify="right")
        for label in sorted(tallies):
            t = tallies[label]
            named = (_share(n, t.detected) for n in (t.first, t.top3, t.listed, t.exact))
            table.add_row(
                label, str(t.changes), str(t.uncovered), _share(t.detected, t.changes), *named
            )
        console.print(table)
    covered = outside.changes + leaves.changes - outside.uncovered - leaves.uncovered
    found = outside.detected + leaves.detected
    console.print(
        f"untouched: {synthetic} synthetic disclosures, {len(false)} error-level findings; "
        f"{len(clean)} clean ones changed"
    )
    console.print(
        f"one figure, detected: {_share(found, outside.changes + leaves.changes)}, "
        f"{_share(found, covered)} of those that an identity covers"
    )
    console.print(
        f"outside detail items of 06, first-named: {_share(outside.first, outside.detected)}"
    )
    console.print(f"detail items of 06, listed: {_share(leaves.listed, leaves.detected)}")
    console.print(f"two or three at once, exact set: {_share(several.exact, several.detected)}")
    console.print(f"figures that no identity covers: {dict(uncovered.most_common())}")
    console.print(f"untouched judged in {untouched_s:.1f} s, changed ones in {judged_s:.1f} s")
    for line in [*false, *wrong][: options.show]:
        console.print(line, soft_wrap=True, highlight=False)
    missed = (
        bool(false)
        or found < 0.99 * (outside.changes + leaves.changes)
        or outside.first < 0.99 * outside.detected
        or several.exact < 0.95 * several.detected
        or leaves.listed < leaves.detected
    )
    sys.exit(1 if missed else 0)


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} {100 * part / whole:.1f}%" if whole else "0/0"


if __name__ == "__main__":
    main()
