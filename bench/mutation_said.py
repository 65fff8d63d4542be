"""How well are wrong figures of the narrative and of performance forms found.

    python -m bench.mutation_said [--changes N] [--seed S] [--show N]

Synthetic disclosures are rendered with narrative and performance forms in every layout that has
them, read as a worker reads them, and judged: whatever is reported then is false. Then one figure
that a check rests on is changed beyond rounding, in its value and in the sentence or cell that
states it, and the disclosure is judged again. Printed per kind of change and per measure:

* detected: a finding (of any severity) that was not there before;
* error: among them, one of the severity error;
* named: a new finding has the changed figure among its own, as it is printed now.

Figures on which no check rests are counted apart, by measure.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import track
from rich.table import Table as Printout

from disclosures.amounts import MoneyUnit
from disclosures.model import PerformanceFact, Reading, Statement
from disclosures.reading import read_document
from disclosures.rendering import Format, layouts, render
from disclosures.rendering.synthetic import synthetic_figures
from disclosures.verdicts import Finding, Judgement, Severity, State
from expectations.catalogue import load_catalogue
from expectations.judge import judge_batch
from warehouse.marts import Batch, Builder
from warehouse.narrative_marts import NarrativeChecks, build_narrative_mart
from warehouse.narrative_shapes import StatementShape
from warehouse.narratives import narratives
from warehouse.performance_marts import build_performance_mart
from warehouse.performance_shapes import PerformanceShape

#: Disclosures judged together.
CHUNK: Final = 400
CHANGES_PER_DISCLOSURE: Final = 10
#: Units of the last printed decimal by which a figure has to change; shares of parts that were
#: rounded themselves, and sums of twenty rounded parts, allow for so much.
BEYOND: Final = 25


@dataclass(frozen=True)
class Said:
    """One stated figure of one clean reading: its place among the statements or performance."""

    reading: str
    source: str
    place: int
    tied: bool


Kind = Callable[[str, random.Random], str | None]


def _digits(text: str) -> list[int]:
    return [n for n, letter in enumerate(text) if letter.isdigit()]


def digit(text: str, rng: random.Random) -> str:
    n = rng.choice(_digits(text))
    other = rng.choice([d for d in "0123456789" if d != text[n]])
    return text[:n] + other + text[n + 1 :]


def transposition(text: str, rng: random.Random) -> str | None:
    places = [
        (a, b) for a, b in zip(_digits(text), _digits(text)[1:], strict=False) if text[a] != text[b]
    ]
    if not places:
        return None
    a, b = rng.choice(places)
    letters = list(text)
    letters[a], letters[b] = letters[b], letters[a]
    return "".join(letters)


def decimal_shift(text: str, rng: random.Random) -> str:
    value = Decimal(text)
    return f"{value.scaleb(rng.choice((-1, 1))).quantize(_unit(value))}"


def stale(text: str, rng: random.Random) -> str:
    """Last year's figure."""
    value = Decimal(text)
    factor = Decimal(str(round(rng.choice((rng.uniform(0.5, 0.95), rng.uniform(1.05, 2))), 4)))
    return f"{(value * factor).quantize(_unit(value))}"


def _unit(value: Decimal) -> Decimal:
    return Decimal(1).scaleb(int(value.as_tuple().exponent))


KINDS: Final[Mapping[str, Kind]] = {
    "digit": digit,
    "transposition": transposition,
    "decimal shift": decimal_shift,
    "stale figure": stale,
}


# -------------------------------------------------------------------------------- clean readings


def clean_readings(count: int, seed: int) -> dict[str, Reading]:
    """Synthetic disclosures as they are read from rendered web pages, which keep their cells."""
    told = [name for name, layout in layouts().items() if _speaks(layout.parts)]
    readings: dict[str, Reading] = {}
    with tempfile.TemporaryDirectory() as folder:
        for n in track(range(count), "rendering and reading"):
            layout = layouts()[told[n % len(told)]]
            # Forms in 元 are exact to the 分; converted from rounded 万元 they would not add up.
            unit = MoneyUnit.YUAN if layout.forms.money == "元" else MoneyUnit.WAN
            path = Path(folder) / f"{n}.html"
            figures = synthetic_figures(seed + n, forms_unit=unit)
            path.write_bytes(render(figures, layout, Format.HTML))
            readings[f"s{n}"] = replace(read_document(path), sha256=f"s{n}")
            path.unlink()
    return readings


def _speaks(parts: Sequence[object]) -> bool:
    return any("narrative" in getattr(part, "content", ()) for part in parts)


def stated_figures(readings: Mapping[str, Reading]) -> list[Said]:
    """Every figure of the narrative and the performance forms, and whether a check rests on it."""
    batch = Batch.from_readings({name: [one] for name, one in readings.items()})
    builder = Builder(batch)
    rules = [rule for rule in load_catalogue().rules if rule.check is not None]
    checks = NarrativeChecks(builder, narratives(builder))
    marts = {
        "statement": build_narrative_mart(
            checks, {r.id: r.check for r in rules if isinstance(r.check, StatementShape)}
        ),
        "performance": build_performance_mart(
            builder, {r.id: r.check for r in rules if isinstance(r.check, PerformanceShape)}, checks
        )[0],
    }
    # A check that finds out whether another applies (零占零) compares nothing of its own.
    tied = {
        (evidence.source, evidence.position)
        for mart in marts.values()
        for row in mart.rows
        if not row.missing and not row.clause
        for evidence in row.evidence
    }
    figures: list[Said] = []
    places = {
        "statement": batch.statements["disclosure_id"].tolist(),
        "performance": batch.performance["disclosure_id"].tolist(),
    }
    for source, owners in places.items():
        counted: Counter[str] = Counter()
        for position, owner in enumerate(owners):
            figures.append(Said(owner, source, counted[owner], (source, position) in tied))
            counted[owner] += 1
    return figures


# -------------------------------------------------------------------------------------- changes


@dataclass(frozen=True)
class Change:
    """A reading with one stated figure changed, ``text`` being what is printed now."""

    kind: str
    source: str
    measure: str
    text: str
    reading: Reading
    was: str
    where: str = ""


def draw(reading: Reading, said: Said, kind: str, rng: random.Random) -> Change | None:
    """One change beyond rounding, or None where this draw gives none."""
    if said.source == "performance":
        return _performed(reading, said, kind, rng)
    one = reading.statements[said.place]
    if one.value is None or not one.value:
        return None
    printed = f"{one.value}"
    found = list(re.finditer(_as_printed(printed), one.quote))
    if len(found) != 1:
        return None
    text = KINDS[kind](printed, rng)
    if text is None or not _beyond(one.value, Decimal(text)):
        return None
    quote = one.quote[: found[0].start()] + text + one.quote[found[0].end() :]
    changed = [
        _said_again(other, one, quote, Decimal(text) if n == said.place else other.value)
        for n, other in enumerate(reading.statements)
    ]
    return Change(
        kind,
        "narrative",
        one.measure,
        text,
        replace(reading, statements=tuple(changed)),
        printed,
        f"{one.subject} | {quote}",
    )


def _said_again(other: Statement, one: Statement, quote: str, value: Decimal | None) -> Statement:
    return replace(other, value=value, quote=quote if other.quote == one.quote else other.quote)


def _as_printed(text: str) -> str:
    """The figure with or without thousands separators, and no part of another."""
    whole, dot, part = text.partition(".")
    return rf"(?<![\d.,]){',?'.join(whole)}{re.escape(dot + part)}(?![\d]|\.\d|,\d{{3}})"


def _performed(reading: Reading, said: Said, kind: str, rng: random.Random) -> Change | None:
    one = reading.performance[said.place]
    if one.value is None or not one.value:
        return None
    printed = f"{one.value}"
    found = list(re.finditer(_as_printed(printed), one.text))
    text = KINDS[kind](printed, rng)
    if len(found) != 1 or text is None or not _beyond(one.value, Decimal(text)):
        return None
    cell = one.text[: found[0].start()] + text + one.text[found[0].end() :]
    changed: list[PerformanceFact] = list(reading.performance)
    changed[said.place] = replace(one, value=Decimal(text), text=cell)
    return Change(
        kind,
        "performance",
        one.measure,
        text,
        replace(reading, performance=tuple(changed)),
        printed,
        f"{one.project} {one.indicator}",
    )


def _beyond(was: Decimal, now: Decimal) -> bool:
    return abs(now - was) > BEYOND * _unit(was)


# -------------------------------------------------------------------------------------- scoring


@dataclass
class Tally:
    """Counts of one kind or measure."""

    changes: int = 0
    detected: int = 0
    error: int = 0
    named: int = 0

    def add(self, new: Sequence[Finding], text: str) -> None:
        self.changes += 1
        self.detected += bool(new)
        self.error += any(f.severity is Severity.ERROR for f in new)
        value = Decimal(text)
        self.named += any(_holds(f, value) for f in new)


def _holds(finding: Finding, value: Decimal) -> bool:
    for operand in finding.operands:
        found = re.search(r"-?\d[\d,]*(?:\.\d+)?", operand.text)
        if found and Decimal(found[0].replace(",", "")) == value:
            return True
    return False


def failed(judgement: Judgement) -> dict[tuple[str, str, str], Finding]:
    return {(f.rule, f.subject, f.message): f for f in judgement.findings if f.state is State.FAIL}


def judged(readings: Mapping[str, Reading]) -> Iterator[tuple[str, Judgement]]:
    names = list(readings)
    for start in track(range(0, len(names), CHUNK), "judging"):
        wanted = names[start : start + CHUNK]
        batch = Batch.from_readings({n: [readings[n]] for n in wanted})
        for one in judge_batch(batch, load_catalogue()).judgements:
            yield one.disclosure_id, one


def main() -> None:
    """Print the tables; status 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.mutation_said", description=__doc__)
    parser.add_argument("--changes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=0, help="print so many that were missed")
    options = parser.parse_args()
    console = Console(width=140)
    rng = random.Random(options.seed)
    clean = clean_readings(max(20, options.changes // CHANGES_PER_DISCLOSURE), options.seed * 1000)
    known = {name: failed(judgement) for name, judgement in judged(clean)}
    false = [f"{n}: {f.rule} {f.message}" for n, found in known.items() for f in found.values()]
    errors = [f for found in known.values() for f in found.values() if f.severity is Severity.ERROR]
    figures = stated_figures(clean)
    by_source: dict[str, list[Said]] = defaultdict(list)
    untied: Counter[str] = Counter()
    for said in figures:
        if said.tied:
            by_source[said.source].append(said)
        else:
            one = clean[said.reading]
            of = one.statements if said.source == "statement" else one.performance
            untied[f"{said.source} {of[said.place].measure}"] += 1
    changes: dict[str, Change] = {}
    owners: dict[str, str] = {}
    kinds = list(KINDS)
    while len(changes) < options.changes:
        # Two of three changes are of the narrative.
        source = "performance" if len(changes) % 3 == 2 else "statement"
        said = rng.choice(by_source[source] or figures)
        drawn = draw(clean[said.reading], said, kinds[len(changes) % len(kinds)], rng)
        if drawn is not None:
            name = f"m{len(changes)}"
            changes[name] = replace(drawn, reading=replace(drawn.reading, sha256=name))
            owners[name] = said.reading
    tallies: dict[str, dict[str, Tally]] = {
        title: defaultdict(Tally) for title in ("source", "kind", "measure")
    }
    missed: list[str] = []
    for name, judgement in judged({n: c.reading for n, c in changes.items()}):
        change = changes[name]
        new = [f for key, f in failed(judgement).items() if key not in known[owners[name]]]
        for title, label in (
            ("source", change.source),
            ("kind", f"{change.source} {change.kind}"),
            ("measure", f"{change.source} {change.measure}"),
        ):
            tallies[title][label].add(new, change.text)
        if not new:
            missed.append(_shown(change))
    for title, found in tallies.items():
        table = Printout(title=f"By {title}", title_justify="left")
        for column in (title, "changes", "detected", "error", "named"):
            table.add_column(column, justify="left" if column == title else "right")
        for label in sorted(found):
            t = found[label]
            table.add_row(
                label,
                str(t.changes),
                _share(t.detected, t.changes),
                _share(t.error, t.changes),
                _share(t.named, t.detected),
            )
        console.print(table)
    tied = sum(said.tied for said in figures)
    console.print(
        f"untouched: {len(clean)} disclosures, {len(errors)} error-level findings, "
        f"{len(false) - len(errors)} others"
    )
    console.print(
        f"a check rests on {_share(tied, len(figures))} of the stated figures; of others:"
    )
    console.print(dict(untied.most_common()))
    for line in [*false, *missed][: options.show]:
        console.print(line, soft_wrap=True, highlight=False)
    narrative = tallies["source"]["narrative"]
    sys.exit(1 if errors or narrative.detected < 0.95 * narrative.changes else 0)


def _shown(change: Change) -> str:
    return f"{change.kind}: {change.measure} {change.was} -> {change.text} {change.where}"


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} {100 * part / whole:.1f}%" if whole else "0/0"


if __name__ == "__main__":
    main()
