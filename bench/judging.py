"""How fast is judging: synthetic disclosures through the whole catalogue.

    python -m bench.judging [--disclosures N] [--broken PERCENT] [--warehouse] [--profile]

Some of the disclosures (``--broken``) have one figure changed, so that culprits are searched too.
With ``--warehouse`` the facts come out of an SQLite warehouse and verdicts go back into it, as in a
nightly run. Prints seconds per 1,000 disclosures and the largest resident
memory; on a busy machine the processor's seconds are the ones to compare.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from rich.console import Console

from bench.mutation import reading_of
from disclosures.assembly import DocumentReading, assemble
from disclosures.model import Reading
from disclosures.rendering.synthetic import synthetic_figures
from expectations.catalogue import load_catalogue
from expectations.judge import JudgedBatch, judge_batch
from warehouse import load
from warehouse.database import open_engine
from warehouse.marts import Batch, load_batch

#: Seconds for 10,000 disclosures on two cores, and MiB.
TARGET_S, TARGET_MIB = 60.0, 4096
_VERSION = "bench"


def readings(count: int, broken_pct: float) -> list[Reading]:
    """Synthetic readings, some with one figure ten 万元 too large."""
    rng = random.Random(1)
    made = []
    for n in range(count):
        one = reading_of(f"{n:064x}", synthetic_figures(n))
        if rng.random() * 100 < broken_pct:
            filled = [k for k, fact in enumerate(one.facts) if fact.amount_wan]
            place = rng.choice(filled)
            amount = (one.facts[place].amount_wan or Decimal(0)) + 10
            wrong = replace(one.facts[place], amount_wan=amount, text=f"{amount}")
            one = replace(one, facts=(*one.facts[:place], wrong, *one.facts[place + 1 :]))
        made.append(one)
    return made


@contextmanager
def timed(console: Console, what: str, count: int, profile: bool = False) -> Iterator[None]:
    """Print what a step took."""
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    start, cpu = time.perf_counter(), time.process_time()
    yield
    seconds, cpu_s = time.perf_counter() - start, time.process_time() - cpu
    profiler.disable()
    console.print(
        f"{what}: {seconds:.2f} s ({cpu_s:.2f} s of processor), "
        f"{1000 * cpu_s / count:.2f} s of processor per 1,000"
    )
    if profile:
        pstats.Stats(profiler).sort_stats("cumulative").print_stats(45)


def through_warehouse(console: Console, made: list[Reading], profile: bool) -> JudgedBatch:
    """Save, load, judge and save again, in a warehouse of its own."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'warehouse.db'}")
        run = load.start_run(
            engine,
            kind="check",
            parameters={},
            code_version=_VERSION,
            ruleset=_VERSION,
            reader_version=_VERSION,
        )
        documents = [load.LocalDocument(r.sha256, r.media_type, 1, "none", "none") for r in made]
        load.save_local_documents(engine, run, documents)
        with timed(console, "save readings", len(made)):
            load.save_readings(engine, run, made, reader_version=_VERSION)
        disclosures = assemble(
            [DocumentReading.of(r, reader_version=_VERSION) for r in made], alternates="separate"
        )
        load.save_disclosures(engine, run, disclosures)
        with timed(console, "load batch", len(made), profile):
            batch = load_batch(engine)
        with timed(console, "judge", len(made), profile):
            judged = judge_batch(batch, load_catalogue())
        versions = {d.disclosure_id: d.version for d in disclosures}
        with timed(console, "save judgements", len(made)):
            load.save_judgements(engine, run, judged.judgements, judged.validations, versions)
        engine.dispose()
        return judged


def main() -> None:
    """Print the measurements."""
    parser = argparse.ArgumentParser(prog="python -m bench.judging", description=__doc__)
    parser.add_argument("--disclosures", type=int, default=1000)
    parser.add_argument("--broken", type=float, default=10.0, metavar="PERCENT")
    parser.add_argument("--warehouse", action="store_true")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    console = Console()
    load_catalogue()
    made = readings(options.disclosures, options.broken)
    if options.warehouse:
        judged = through_warehouse(console, made, options.profile)
    else:
        with timed(console, "frame", len(made)):
            batch = Batch.from_readings({one.sha256: [one] for one in made})
        with timed(console, "judge", len(made), options.profile):
            judged = judge_batch(batch, load_catalogue())
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    causes = sum(bool(one.causes) for one in judged.judgements)
    console.print(
        f"{len(judged.judgements)} disclosures, {sum(len(r.facts) for r in made)} cells, "
        f"{causes} with a cause; peak {peak_mib:.0f} MiB"
    )


if __name__ == "__main__":
    main()
