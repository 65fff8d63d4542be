"""How fast is judging: rendered disclosures out of a warehouse through the whole catalogue.

    python -m bench.judging [--disclosures N ...] [--batch N] [--processes N] [--broken PERCENT]
                            [--warehouse URL] [--profile]

Synthetic disclosures are rendered as web pages in every layout and read with their forms, their
narrative and their performance forms; some (``--broken``) get one figure changed, so that culprits
are searched too. Copies of them, each with identifiers and sentences of its own so that no cache
helps, fill a warehouse. Timed is what a night does: loading batches of them and judging those by
all suites, in one process or in several. ``--warehouse`` takes another database than an SQLite
file; its schema must be empty. Prints wall and processor seconds per 1,000 disclosures, the
largest resident memory of all processes together, and how long the start of the processes took.
"""

from __future__ import annotations

import argparse
import cProfile
import multiprocessing
import pstats
import random
import resource
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from sqlalchemy import Engine, Table, func, insert, literal, select

from disclosures.amounts import MoneyUnit
from disclosures.assembly import DocumentReading, assemble
from disclosures.model import DocumentKind, Reading
from disclosures.reading import read_document
from disclosures.rendering import layouts, render_to
from disclosures.rendering.synthetic import synthetic_figures
from expectations.catalogue import load_catalogue
from expectations.judge import judge_batch
from warehouse import load
from warehouse.database import connect, open_engine
from warehouse.schema import (
    CoreDisclosure,
    CoreDisclosureDocument,
    CoreFact,
    CorePerformance,
    CoreStatement,
    RawDocument,
    RawReading,
)
from warehouse.stored_batches import load_batch

_VERSION: Final = "bench"
#: Disclosures that are rendered and read; the others are copies of these.
_ORIGINALS: Final = 60


# ------------------------------------------------------------------------------- a full warehouse


def read_rendered(seed: int) -> Reading:
    """A synthetic disclosure as its web page is read, layouts in turn."""
    names = sorted(layouts())
    name = names[seed % len(names)]
    # Figures that were rounded to 万元 do not add up in 元.
    exact = layouts()[name].forms.money == MoneyUnit.YUAN.value
    figures = synthetic_figures(seed, forms_unit=MoneyUnit.YUAN if exact else MoneyUnit.WAN)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{seed}.html"
        render_to(path, figures, name)
        return replace(read_document(path), sha256=f"{seed:08x}".ljust(64, "0"))


def originals(count: int, broken_pct: float) -> list[Reading]:
    """Readings of rendered disclosures, some with one figure ten 万元 too large."""
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        read = [r for r in pool.map(read_rendered, range(count)) if r.facts]
    rng = random.Random(1)
    for n in rng.sample(range(len(read)), round(len(read) * broken_pct / 100)):
        facts = list(read[n].facts)
        place = rng.choice([k for k, fact in enumerate(facts) if fact.amount_wan])
        amount = (facts[place].amount_wan or Decimal(0)) + 10
        facts[place] = replace(facts[place], amount_wan=amount, text=f"{amount}")
        read[n] = replace(read[n], facts=tuple(facts))
    return [replace(r, kind=DocumentKind.FINAL_ACCOUNTS) for r in read]


def fill(engine: Engine, count: int, broken_pct: float) -> list[str]:
    """Fill an empty warehouse; the ids of its ``count`` disclosures."""
    run = load.start_run(
        engine,
        kind="check",
        parameters={},
        code_version=_VERSION,
        ruleset=_VERSION,
        reader_version=_VERSION,
    )
    made = originals(min(_ORIGINALS, count), broken_pct)
    documents = [load.LocalDocument(r.sha256, r.media_type, 1, "none", "none") for r in made]
    load.save_local_documents(engine, run, documents)
    load.save_readings(engine, run, made, reader_version=_VERSION)
    disclosures = assemble(
        [DocumentReading.of(r, reader_version=_VERSION) for r in made], alternates="separate"
    )
    load.save_disclosures(engine, run, disclosures)
    ids = [d.disclosure_id for d in disclosures]
    shas = [r.sha256 for r in made]
    found = list(ids)
    copy = 0
    while len(found) < count:
        copy += 1
        wanted = min(len(ids), count - len(found))
        _copy(engine, shas, ids[:wanted], f"{copy:08x}")
        found += [i[:56] + f"{copy:08x}" for i in ids[:wanted]]
    return found


def _copy(engine: Engine, shas: Sequence[str], ids: Sequence[str], suffix: str) -> None:
    """Copy documents and disclosures under identifiers that end in a suffix."""
    with engine.begin() as connection:
        for model, key, among in (
            (RawDocument, "sha256", shas),
            (RawReading, "sha256", shas),
            (CoreFact, "sha256", shas),
            (CoreStatement, "sha256", shas),
            (CorePerformance, "sha256", shas),
            (CoreDisclosure, "disclosure_id", ids),
            (CoreDisclosureDocument, "disclosure_id", ids),
        ):
            table = model.__table__
            assert isinstance(table, Table)
            columns: list[Any] = []
            for column in table.columns:
                if column.name in ("sha256", "disclosure_id"):
                    columns.append(func.substr(column, 1, 56) + literal(suffix))
                elif column.name == "quote":
                    columns.append(column + literal(f" {suffix}"))
                else:
                    columns.append(column)
            query = select(*columns).where(table.c[key].in_(list(among)))
            connection.execute(insert(table).from_select(list(table.columns.keys()), query))


# --------------------------------------------------------------------------------------- judging


@dataclass(frozen=True, slots=True)
class Spent:
    """What one process spent on one batch."""

    disclosures: int
    cells: int
    findings: int
    causes: int
    load_s: float
    judge_s: float


def judge_some(url: str, ids: Sequence[str]) -> Spent:
    """Load and judge a batch; processor seconds."""
    engine = connect(url)
    start = time.process_time()
    batch = load_batch(engine, ids)
    loaded = time.process_time()
    judged = judge_batch(batch, load_catalogue())
    end = time.process_time()
    engine.dispose()
    return Spent(
        len(judged.judgements),
        len(batch.facts),
        sum(len(j.findings) for j in judged.judgements),
        sum(bool(j.causes) for j in judged.judgements),
        loaded - start,
        end - loaded,
    )


def peak_mib() -> float:
    """The largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _ready(_: int) -> float:
    load_catalogue()
    time.sleep(0.2)  # so that each process of the pool takes one
    return peak_mib()


def measure(console: Console, url: str, ids: Sequence[str], batch: int, processes: int) -> None:
    """Judge the disclosures and print what it took."""
    batches = [ids[start : start + batch] for start in range(0, len(ids), batch)]
    begun = time.perf_counter()
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_ready, range(processes)))
        started = time.perf_counter()
        spent = list(pool.map(judge_some, [url] * len(batches), batches))
        ended = time.perf_counter()
        # Every process is idle by now, and takes one.
        peak = sum(pool.map(_ready, range(processes)))
    wall, cpu = ended - started, sum(s.load_s + s.judge_s for s in spent)
    thousands = len(ids) / 1000
    console.print(
        f"{len(ids)} disclosures in batches of {batch}, {processes} processes: {wall:.1f} s"
        f" ({wall / thousands:.2f} s per 1,000; processes ready after {started - begun:.1f} s);"
        f" processor {cpu:.1f} s: loading {sum(s.load_s for s in spent) / thousands:.2f},"
        f" judging {sum(s.judge_s for s in spent) / thousands:.2f} s per 1,000;"
        f" {sum(s.cells for s in spent)} cells, {sum(s.findings for s in spent)} findings,"
        f" {sum(s.causes for s in spent)} with a cause; peak {peak:.0f} MiB",
        soft_wrap=True,
    )


def profile(url: str, ids: Sequence[str]) -> None:
    """Print where one process spends its time."""
    judge_some(url, ids[:1])
    profiler = cProfile.Profile()
    profiler.runcall(judge_some, url, ids)
    pstats.Stats(profiler).sort_stats("cumulative").print_stats(100)


def main() -> None:
    """Print the measurements."""
    parser = argparse.ArgumentParser(prog="python -m bench.judging", description=__doc__)
    parser.add_argument("--disclosures", type=int, nargs="+", default=[1000])
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--broken", type=float, default=10.0, metavar="PERCENT")
    parser.add_argument("--warehouse", metavar="URL")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        url = options.warehouse or f"sqlite:///{Path(folder) / 'warehouse.db'}"
        engine = open_engine(url)
        ids = fill(engine, max(options.disclosures), options.broken)
        engine.dispose()
        for count in options.disclosures:
            if options.profile:
                profile(url, ids[:count])
            else:
                measure(console, url, ids[:count], options.batch, options.processes)


if __name__ == "__main__":
    main()
