"""Do the engines agree: rendered disclosures judged on pandas and in a database.

    python -m bench.engines [--disclosures N] [--warehouse URL]

Synthetic disclosures with forms, narrative and performance forms, half of them with one or more
figures changed, are judged by the whole catalogue on pandas and by the same suites in the database
(``JUESUAN_TEST_POSTGRES`` unless ``--warehouse`` names one; its tables ``bench_engines_…`` are
dropped afterwards). Prints how many verdicts were compared and how many differ; exit 1 if any does.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from dataclasses import replace
from decimal import Decimal
from typing import Final

from rich.console import Console
from sqlalchemy import create_engine, inspect, text

from bench.judging import originals
from disclosures.model import Reading
from disclosures.verdicts import Judgement
from expectations.catalogue import load_catalogue
from expectations.judge import judge_batch
from warehouse.batches import Batch

PREFIX: Final = "bench_engines_"
_ORIGINALS: Final = 50


def changed(one: Reading, name: str, rng: random.Random) -> Reading:
    """A copy with a few figures of forms, narrative and performance forms changed."""
    facts = list(one.facts)
    for place in rng.sample(range(len(facts)), min(2, len(facts))):
        amount = (facts[place].amount_wan or Decimal(0)) + rng.choice((-1, 1)) * Decimal("3.21")
        facts[place] = replace(facts[place], amount_wan=amount, text=f"{amount}")
    statements = list(one.statements)
    for place in rng.sample(range(len(statements)), min(3, len(statements))):
        value = statements[place].value
        if value is not None:
            statements[place] = replace(statements[place], value=value * 10 + 1)
    performance = list(one.performance)
    for place in rng.sample(range(len(performance)), min(3, len(performance))):
        value = performance[place].value
        if value is not None:
            performance[place] = replace(performance[place], value=value + 7)
    return replace(
        one,
        sha256=name,
        facts=tuple(facts),
        statements=tuple(statements),
        performance=tuple(performance),
    )


def batch_of(count: int) -> Batch:
    """``count`` disclosures, every other one changed."""
    rng = random.Random(1)
    sound = originals(min(_ORIGINALS, count), 0.0)
    readings: dict[str, list[Reading]] = {}
    for n in range(count):
        one = sound[n % len(sound)]
        name = f"{n:064x}"
        readings[name] = [changed(one, name, rng) if n % 2 else replace(one, sha256=name)]
    return Batch.from_readings(readings)


def verdicts(judgement: Judgement) -> int:
    """How many verdicts a judgement counts."""
    return sum(judgement.checks.values())


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(prog="python -m bench.engines", description=__doc__)
    parser.add_argument("--disclosures", type=int, default=1000)
    parser.add_argument("--warehouse", default=os.environ.get("JUESUAN_TEST_POSTGRES"))
    options = parser.parse_args()
    if not options.warehouse:
        parser.error("--warehouse or JUESUAN_TEST_POSTGRES is needed")
    console = Console()
    batch = batch_of(options.disclosures)
    start = time.perf_counter()
    on_pandas = judge_batch(batch, load_catalogue())
    middle = time.perf_counter()
    engine = create_engine(options.warehouse)
    try:
        in_database = judge_batch(batch, load_catalogue(), sql_engine=engine, mart_prefix=PREFIX)
    finally:
        with engine.begin() as connection:
            for table in inspect(connection).get_table_names():
                if table.startswith(PREFIX):
                    connection.execute(text(f'DROP TABLE "{table}"'))
        engine.dispose()
    end = time.perf_counter()
    pairs = list(zip(on_pandas.judgements, in_database.judgements, strict=True))
    differing = [one.disclosure_id for one, other in pairs if one != other]
    suites = sum(
        one != other
        for one, other in zip(on_pandas.validations, in_database.validations, strict=True)
    )
    failing = sum(bool(one.findings and one.checks.get("fail")) for one, _ in pairs)
    console.print(
        f"{len(pairs)} disclosures ({failing} with a violated identity), "
        f"{sum(verdicts(one) for one, _ in pairs)} verdicts in {len(on_pandas.validations)} "
        f"validations: {len(differing)} disclosures and {suites} validations differ; "
        f"pandas {middle - start:.1f} s, {engine.dialect.name} {end - middle:.1f} s"
    )
    sys.exit(bool(differing or suites))


if __name__ == "__main__":
    main()
