"""Killing a crawl or a nightly run at random moments: what is left, finished by a rerun, must
equal what an undisturbed run makes.

    python -m bench.killed crawl              # 20 kills, each on a fresh folder, then a rerun
    python -m bench.killed nightly --chained  # 20 kills one after the other, then one rerun

``kill -9`` hits the run's own process, the crawl's or both, as the seed has it, some time after the
run has begun to write. Chained, every other run lives for a short while only, so that the job gets
on in small steps; the moments of the others lie anywhere in it. A run that ends before its moment
is not counted and has another one instead. Compared are the rows of all tables but those that tell
of runs themselves, without who wrote them and when, and the names and bytes of all archived
documents.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
SITES: Final = ("replica_trs", "replica_hanweb")

#: Who wrote a row and when: what a kill may change.
_WRITTEN: Final = frozenset(
    {
        "run_id", "seen_in", "read_at", "seconds", "judged_at", "validated_at", "fetched_at",
        "first_seen_at", "last_seen_at", "checked_at", "received_at", "state_since",
    }
)  # fmt: skip
#: Rows of runs: what each asked for and when, and the batches that it judged.
_OF_RUNS: Final = frozenset({"raw_runs", "raw_fetches", "out_validations"})


@dataclass
class Outcome:
    """What the killing came to."""

    moments_s: list[float] = field(default_factory=list)
    victims: Counter[str] = field(default_factory=Counter)
    too_late: int = 0
    left_over: int = 0
    differences: list[str] = field(default_factory=list)


def content(data: Path) -> dict[str, list[str]]:
    """All rows that outlast a run, and the archived documents with the hashes of their bytes."""
    from sqlalchemy import select

    from warehouse.database import open_engine
    from warehouse.schema import Base, RawFetch

    engine = open_engine(f"sqlite:///{data / 'warehouse.db'}")
    try:
        with engine.connect() as connection:
            found = {
                table.name: sorted(
                    repr({k: v for k, v in row._mapping.items() if k not in _WRITTEN})
                    for row in connection.execute(select(table))
                )
                for table in Base.metadata.sorted_tables
                if table.name not in _OF_RUNS
            }
            query = select(RawFetch.site, RawFetch.url, RawFetch.role, RawFetch.sha256)
            bodies = connection.execute(query.where(RawFetch.sha256.is_not(None)).distinct())
            found["fetched bodies"] = sorted(map(repr, bodies))
    finally:
        engine.dispose()
    archive = data / "archive"
    found["archived documents"] = sorted(
        f"{path.relative_to(archive)} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in archive.glob("??/*")
    )
    return found


def differences(one: Mapping[str, list[str]], other: Mapping[str, list[str]]) -> list[str]:
    """What is in one and not in the other, cut short."""
    found = []
    for name in sorted(set(one) | set(other)):
        rows = Counter(one.get(name, ()))
        rows.subtract(Counter(other.get(name, ())))
        found += [f"{name} {count:+d} {row[:300]}" for row, count in rows.items() if count]
    return found


def start(job: str, data: Path, portal: str) -> subprocess.Popen[bytes]:
    """A run over the replica's portals: the crawls alone, or the nightly command."""
    command = [sys.executable, "-m", "bench.killed", "job"]
    if job == "nightly":
        command = [sys.executable, "-m", "flows.cli", "nightly"]
        command += [word for site in SITES for word in ("--site", site)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ
        | {"JUESUAN_DATA": str(data), "JUESUAN_REPLICA": portal, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )


def crawl_all() -> None:
    """The crawls of a night and all that the warehouse keeps of them, without Prefect."""
    from flows import steps

    work = steps.workspace()
    with steps.recorded_run(work, "nightly", {}) as run:
        steps.take_up_journals(work)
        for site in SITES:
            steps.crawl(work, run.run_id, site, None)


def descendants(pid: int) -> list[int]:
    """The processes below one, as they are now."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(stat[1]), []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        below = parents.get(queue.pop(), [])
        found += below
        queue += below
    return found


def _is(pid: int, name: bytes) -> bool:
    try:
        return name in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def is_crawl(pid: int) -> bool:
    return _is(pid, b"connectors.child")


def written_at(data: Path) -> int:
    """When the warehouse was last written to, in nanoseconds since 1970; 0 if never."""
    times = []
    for name in ("warehouse.db", "warehouse.db-wal"):
        with suppress(FileNotFoundError):
            times.append((data / name).stat().st_mtime_ns)
    return max(times, default=0)


def await_writing(process: subprocess.Popen[bytes], data: Path, before: int) -> None:
    """Wait until a run writes to its warehouse, or ends. Importing everything takes most of its
    time and can be killed without harm."""
    while process.poll() is None and written_at(data) == before:
        time.sleep(0.02)


def kill_within(
    process: subprocess.Popen[bytes], moment_s: float, more_s: float, outcome: Outcome, how: str
) -> bool:
    """Let a run go on for a while, kill it and wait until nothing of it is left; whether it was
    killed. One that loses its crawl has ``more_s`` to go on until it is killed itself."""
    try:
        process.wait(moment_s)
        outcome.too_late += 1
        return False
    except subprocess.TimeoutExpired:
        pass
    below = descendants(process.pid)
    crawls = [pid for pid in below if is_crawl(pid)]
    if how == "crawl" and crawls:
        victims = crawls
    elif how == "both":
        victims = [process.pid, *crawls]
    else:
        how, victims = "run", [process.pid]
    outcome.victims[how] += 1
    outcome.moments_s.append(round(moment_s, 2))
    _kill(victims)
    if process.pid not in victims:
        with suppress(subprocess.TimeoutExpired):
            process.wait(more_s)
            return True
        below = descendants(process.pid)
        _kill([process.pid])
    process.wait(30)
    deadline = time.monotonic() + 60
    while alive := [pid for pid in below if Path(f"/proc/{pid}/cwd").exists()]:
        if time.monotonic() > deadline:
            outcome.left_over += len(alive)
            _kill(alive)
            break
        time.sleep(0.05)
    return True


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def finish(job: str, data: Path, portal: str) -> float:
    """A run that nobody disturbs; how long it took from its first row on, in seconds."""
    before = written_at(data)
    process = start(job, data, portal)
    await_writing(process, data, before)
    began = time.monotonic()
    if process.wait(1800) != 0:
        raise RuntimeError(f"the rerun ended with {process.returncode}")
    return time.monotonic() - began


def measure(
    job: str, kills: int, *, seed: int, chained: bool, portal: str, folder: Path
) -> Outcome:
    """Kill ``kills`` runs; compare what their reruns make with an undisturbed run."""
    whole_s = finish(job, folder / "undisturbed", portal)
    wanted = content(folder / "undisturbed")
    print(
        f"undisturbed run: {whole_s:.1f} s of work, {len(wanted['archived documents'])} archived "
        f"bodies, {sum(map(len, wanted.values()))} rows",
        flush=True,
    )
    outcome = Outcome()
    draws = random.Random(seed)
    while (number := sum(outcome.victims.values())) < kills and outcome.too_late < 5 * kills:
        data = folder / ("chained" if chained else f"kill-{number}-{outcome.too_late}")
        in_steps = chained and (number + outcome.too_late) % 2 == 0
        reach_s = 2 * whole_s / kills if in_steps else whole_s
        how = draws.choice(("run", "crawl", "both"))
        before = written_at(data)
        process = start(job, data, portal)
        await_writing(process, data, before)
        more_s = draws.uniform(0, reach_s) if chained else 300
        if kill_within(process, draws.uniform(0, reach_s), more_s, outcome, how):
            print(f"{number + 1}: {how} after {outcome.moments_s[-1]} s", flush=True)
            if chained and number < kills - 1:
                continue
            finish(job, data, portal)
            outcome.differences += differences(content(data), wanted)
        if not chained:
            shutil.rmtree(data)
    return outcome


@contextmanager
def replica(cache: Path) -> Iterator[str]:
    from connectors.replica.server import serve

    with serve(cache=cache) as portal:
        yield portal.base_url


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", choices=("crawl", "nightly", "job"))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=20240902)
    parser.add_argument("--chained", action="store_true", help="one kill after the other")
    parser.add_argument("--cache", type=Path, help="folder of the rendered replica portal")
    given: Any = parser.parse_args(arguments)
    if given.job == "job":
        crawl_all()
        return 0
    with tempfile.TemporaryDirectory(prefix="juesuan-killed-") as name:
        folder = Path(name)
        with replica(given.cache or folder / "replica") as portal:
            outcome = measure(
                given.job,
                given.kills,
                seed=given.seed,
                chained=given.chained,
                portal=portal,
                folder=folder,
            )
    print(f"victims: {dict(outcome.victims)}, ended before the moment: {outcome.too_late}")
    print(f"processes left over: {outcome.left_over}")
    print(f"differences from the undisturbed run: {len(outcome.differences)}")
    for line in outcome.differences[:20]:
        print(f"  {line}")
    counted = sum(outcome.victims.values()) == given.kills
    return 1 if outcome.differences or outcome.left_over or not counted else 0


if __name__ == "__main__":
    sys.exit(main())
