"""Reads a corpus of hostile files and tells how each ended.

``python bench/hostile.py [--scale N] [--wall S] [--rss MB] [--jobs N] [--all]``
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "reading")]

from hostile import Case, write_corpus  # noqa: E402

from disclosures.model import DocumentKind, Fact, Reading  # noqa: E402
from disclosures.reading.workers import Limits, ReaderPool  # noqa: E402


def altered(reading: Reading, original: Reading) -> list[Fact]:
    """Figures that differ from the original's, or are not in it, without being suspect."""
    known = {fact.key: fact.amount_wan for fact in original.facts}
    return [
        fact
        for fact in reading.facts
        if fact.agreed and fact.amount_wan is not None and known.get(fact.key) != fact.amount_wan
    ]


def lost(reading: Reading, original: Reading) -> int:
    """How many of the original's figures a reading without a reason lacks."""
    read = {fact.key for fact in reading.facts}
    return sum(fact.key not in read for fact in original.facts)


class Watch:
    """The greatest resident memory of any descendant of this process, in MiB."""

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.05):
            for pid in descendants():
                try:
                    status = Path(f"/proc/{pid}/status").read_text()
                except OSError:
                    continue
                for line in status.splitlines():
                    if line.startswith("VmHWM:"):
                        self.peak_mb = max(self.peak_mb, int(line.split()[1]) / 1024)


def descendants(pid: int | str = "self") -> list[int]:
    """Processes below a process."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            found += [int(child), *descendants(child)]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=1, help="multiplies what is large")
    parser.add_argument("--wall", type=float, default=20.0, help="seconds a document may take")
    parser.add_argument("--rss", type=int, default=2048, help="MiB that a worker may take")
    parser.add_argument("--pages", type=int, default=1000, help="pages a document may have")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="part of the names of files")
    parser.add_argument("--all", action="store_true", help="print every file")
    given = parser.parse_args()
    limits = Limits(wall_s=given.wall, scan_s=given.wall, rss_mb=given.rss, max_pages=given.pages)
    with tempfile.TemporaryDirectory() as folder:
        cases = {path: case for case, path in write_corpus(Path(folder), given.scale)}
        chosen = [p for p, c in cases.items() if given.only in c.name or c.sound]
        started_s = time.monotonic()
        with Watch() as watch, ReaderPool(given.jobs, limits) as pool:
            readings = {cases[path].name: reading for path, reading in pool.read(chosen)}
        elapsed_s = time.monotonic() - started_s
    return report({c.name: c for c in cases.values()}, readings, watch, elapsed_s, given.all)


def report(
    cases: dict[str, Case],
    readings: dict[str, Reading],
    watch: Watch,
    elapsed_s: float,
    every: bool,
) -> int:
    bad = 0
    for name, reading in sorted(readings.items()):
        case = cases[name]
        faults: list[str] = []
        if reading.kind is not DocumentKind.FINAL_ACCOUNTS and not reading.reason:
            faults.append("no reason")
        if case.original:
            original = readings[f"original-{case.original}"]
            wrong = altered(reading, original)
            faults += [f"altered {f.key}: {f.amount_wan} {f.text!r}" for f in wrong[:3]]
            gone = lost(reading, original)
            if gone and reading.kind is DocumentKind.FINAL_ACCOUNTS:
                faults.append(f"{gone} of {len(original.facts)} figures lost")
        bad += bool(faults)
        if every or faults:
            print(
                f"{name:42} {reading.kind.value:15} {reading.seconds:6.2f} s {len(reading.facts):4}"
                f"  {(reading.reason or '')[:110]!r} {'; '.join(reading.notes)[:200]}"
                f"{' *** ' + ' | '.join(faults) if faults else ''}"
            )
    print(f"{len(readings)} files in {elapsed_s:.1f} s, peak {watch.peak_mb:.0f} MiB a worker")
    print(dict(Counter(reading.kind.value for reading in readings.values())))
    print("slowest:")
    for name, reading in sorted(readings.items(), key=lambda item: -item[1].seconds)[:12]:
        print(f"  {reading.seconds:6.2f} s  {name}: {(reading.reason or 'read')[:90]}")
    print(f"{len(descendants())} processes left; {bad} files to look at")
    return int(bool(bad or descendants()))


if __name__ == "__main__":
    sys.exit(main())
