"""How fast is reading: whole disclosures by this project, and their tables alone by others.

    python -m bench.reading [FILE…] [--repeat N] [--tools NAME,…] [--many] [--rounds N]

This project reads completely: kind, agency and year, the nine forms by two readers with a verdict
per cell, performance forms, and the figures of the narrative. pdfplumber (``extract_tables``),
camelot (``engine="vector"``; ``pip install .[bench]``) and tabula (``lattice``) extract tables and
nothing else. Each tool runs in a process of its own that has read another document several times;
times are the best of N. What this project remembers of texts (names, titles) is forgotten before
every reading, so that no document profits from having been read. Ratios are of the wall clock,
which also counts the neighbours: measure on a quiet machine of two cores at least, for this
project's two table readers work side by side. Processor time is that of the process and of those
that it started, the Java virtual machine included. ``--many`` lets the virtual machine compile to
the end, as it does in the workers of a large run, which pays after some hundred documents:
``--rounds 20`` reads all files so often before any is measured. The tools ``pdfium`` and ``forms``
show what cannot be less with two independent readers: the text of all pages and tablers on those
with lines, without any of this project's own work; and tabula on the pages with forms alone.
Without files, rendered disclosures of 30, 50 and 100 pages are read, and what real ones there are
in ``../shared/real/final``.
"""

from __future__ import annotations

import argparse
import functools
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table as Printout

from disclosures.rendering import Figures, render
from disclosures.rendering.synthetic import synthetic_figures

TOOLS = ("juesuan", "pdfplumber", "camelot", "tabula")
#: What a complete reading consists of at least; see above.
PARTS = ("pdfium", "forms")
REAL = Path(__file__).resolve().parents[2] / "shared" / "real" / "final"
#: A layout of a form per one or two pages, with page breaks and repeated headings.
LAYOUT = "guangdong_2019"
RENDERED_PAGES = (30, 50, 100)
#: Readings of another document before anything is measured.
WARMING = 4
#: What a worker of this project is allowed, in seconds and MiB.
TARGET_S, TARGET_MIB, TARGET_RATIO = 0.6, 1024, 5.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One document by one tool. ``cells`` counts cells with any print: all of all tables, and for
    this project figures: those of the forms, of the performance forms and of the narrative.
    ``agreed`` are those of the forms that two readers saw."""

    path: str
    pages: int
    wall_s: float
    cpu_s: float
    cells: int
    agreed: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What one tool did with all documents. ``peak_mib`` is the process's largest resident
    memory, and that of tabula's process beside it."""

    tool: str
    peak_mib: float
    documents: tuple[Measured, ...]
    absent: str | None = None


# ----------------------------------------------------------------------- within the tool's process


def _juesuan(*, many: bool) -> Callable[[Path], tuple[int, int | None]]:
    from disclosures.reading.document import read_document, warm_up

    warm_up(many=many)

    def read(path: Path) -> tuple[int, int | None]:
        reading = read_document(path)
        filled = [fact for fact in reading.facts if fact.text]
        others = len(reading.performance) + len(reading.statements)
        return len(filled) + others, sum(fact.agreed for fact in filled)

    return read


def _pdfplumber(*, many: bool) -> Callable[[Path], tuple[int, int | None]]:
    import pdfplumber

    def read(path: Path) -> tuple[int, int | None]:
        with pdfplumber.open(path) as document:
            tables = [table for page in document.pages for table in page.extract_tables()]
        return sum(bool(cell) for table in tables for row in table for cell in row), None

    return read


def _camelot(*, many: bool) -> Callable[[Path], tuple[int, int | None]]:
    # Of the extra "bench": compared when somebody has installed it.
    import camelot  # type: ignore[import-not-found, unused-ignore]

    def read(path: Path) -> tuple[int, int | None]:
        tables = camelot.read_pdf(str(path), pages="all", engine="vector")
        return sum(bool(cell) for one in tables for row in one.data for cell in row), None

    return read


def _tabula(*, many: bool) -> Callable[[Path], tuple[int, int | None]]:
    from disclosures.reading.readers.tabula_reader import TabulaReader

    # The same virtual machine and jar that tabula-py uses, page by page over all pages.
    reader = TabulaReader()
    reader.start(many=many)

    def read(path: Path) -> tuple[int, int | None]:
        grids = reader.read(path).grids
        return sum(bool(cell.text) for grid in grids for row in grid.rows for cell in row), None

    return read


def _pdfium(*, many: bool) -> Callable[[Path], tuple[int, int | None]]:
    from disclosures.reading.readers.pdf_text import PdfTextReader
    from disclosures.reading.readers.tablers_reader import TablersReader

    text, tables = PdfTextReader(), TablersReader()

    def read(path: Path) -> tuple[int, int | None]:
        texts = text.read_pages(path, max_pages=None).texts
        grids = tables.read(path, [t.page for t in texts if t.page and t.ruled]).grids
        return sum(bool(cell.text) for grid in grids for row in grid.rows for cell in row), None

    return read


def _forms(*, many: bool) -> Callable[[Path], tuple[int, int | None]]:
    from disclosures.reading.document import read_document
    from disclosures.reading.readers.tabula_reader import TabulaReader

    reader = TabulaReader()
    reader.start(many=many)

    @functools.cache
    def pages(path: Path) -> frozenset[int]:
        return frozenset(page for form in read_document(path).forms for page in form.pages)

    def read(path: Path) -> tuple[int, int | None]:
        grids = reader.read(path, pages(path)).grids
        return sum(bool(cell.text) for grid in grids for row in grid.rows for cell in row), None

    return read


_START = {
    "juesuan": _juesuan,
    "pdfplumber": _pdfplumber,
    "camelot": _camelot,
    "tabula": _tabula,
    "pdfium": _pdfium,
    "forms": _forms,
}


def _forget() -> None:
    """Empty the memories of texts that this project keeps from document to document."""
    for one in gc.get_objects():
        if (
            isinstance(one, functools._lru_cache_wrapper)
            and str(one.__module__).startswith("disclosures")
            and one.cache_parameters()["maxsize"]
        ):
            one.cache_clear()


def _serve(
    tool: str, repeat: int, warm: Path, paths: Sequence[Path], *, rounds: int, many: bool
) -> Result:
    """Body of a tool's process; ``warm`` is none of the measured documents."""
    import pypdfium2

    try:
        read = _START[tool](many=many)
    except ImportError as error:
        return Result(tool, 0.0, (), f"not installed ({error.name})")
    for _ in range(WARMING):
        read(warm)
    for path in (*paths,) * rounds:
        read(path)
    documents = []
    for path in paths:
        document = pypdfium2.PdfDocument(path)
        pages = len(document)
        document.close()
        best: Measured | None = None
        if tool in PARTS:
            # Which pages hold forms is found out once.
            read(path)
        for _ in range(repeat):
            if tool == "juesuan":
                _forget()
                read(warm)
            wall_s, cpu_s = time.perf_counter(), _cpu_s()
            cells, agreed = read(path)
            wall_s, cpu_s = time.perf_counter() - wall_s, _cpu_s() - cpu_s
            if best is None or wall_s < best.wall_s:
                best = Measured(str(path), pages, wall_s, cpu_s, cells, agreed)
        assert best is not None
        documents.append(best)
    return Result(tool, _peak_mib(), tuple(documents))


def _children() -> list[int]:
    """Processes that this one's first thread has started and that still run."""
    try:
        pid = os.getpid()
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _cpu_s() -> float:
    """Seconds of the processor, with those of child processes that still run (on Linux)."""
    # The clock of another process, see clock_getcpuclockid(3).
    return time.process_time() + sum(time.clock_gettime(~pid << 3 | 2) for pid in _children())


def _peak_mib() -> float:
    try:
        statuses = [Path(f"/proc/{pid}/status").read_text() for pid in (os.getpid(), *_children())]
        return sum(int(text.split("VmHWM:")[1].split()[0]) for text in statuses) / 2**10
    except (OSError, IndexError):
        # Elsewhere; on Linux this is never less than what the starting process had.
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


# -------------------------------------------------------------------------- the measuring process


def disclosure(pages: int, seed: int = 7) -> bytes:
    """A rendered disclosure of about so many pages: real ones are long by the self-evaluations
    of their projects. Never longer than asked."""
    import pypdfium2

    figures = synthetic_figures(seed)
    while not figures.performance.evaluations:
        seed += 1
        figures = synthetic_figures(seed)
    models = figures.performance.evaluations

    def grown(count: int) -> Figures:
        evaluations = tuple(
            models[n % len(models)].model_copy(update={"project": f"{n + 1}号项目"})
            for n in range(count)
        )
        performance = figures.performance.model_copy(update={"evaluations": evaluations})
        return figures.model_copy(update={"performance": performance})

    def count_pages(body: bytes) -> int:
        document = pypdfium2.PdfDocument(body)
        try:
            return len(document)
        finally:
            document.close()

    few, many = 1, 21
    least, most = (render(grown(n), LAYOUT, "pdf") for n in (few, many))
    per_page = (many - few) / max(1, count_pages(most) - count_pages(least))
    wanted = max(1, few + int((pages - count_pages(least)) * per_page))
    body = render(grown(wanted), LAYOUT, "pdf")
    while count_pages(body) > pages and wanted > 1:
        wanted -= 1
        body = render(grown(wanted), LAYOUT, "pdf")
    return body


def measure(
    tool: str,
    warm: Path,
    paths: Sequence[Path],
    repeat: int,
    *,
    rounds: int = 0,
    many: bool = False,
) -> Result:
    """Run a tool over the files in a process of its own."""
    files = {"warm": str(warm), "paths": [str(p) for p in paths]}
    how = {"tool": tool, "repeat": repeat, "rounds": rounds, "many": many}
    order = json.dumps(how | files)
    done = subprocess.run(
        [sys.executable, "-m", "bench.reading", "--serve"],
        input=order,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if done.returncode:
        return Result(tool, 0.0, (), f"failed: {done.stderr.strip().splitlines()[-1:]}")
    raw = json.loads(done.stdout.splitlines()[-1])
    documents = tuple(Measured(**one) for one in raw.pop("documents"))
    return Result(documents=documents, **raw)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.reading", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--repeat", type=int, default=3, help="readings per document (3)")
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--rounds", type=int, default=0, help="readings of all files before (0)")
    parser.add_argument("--many", action="store_true", help="compile to the end, for large runs")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.serve:
        order = json.loads(sys.stdin.read())
        files = [Path(p) for p in order["paths"]]
        result = _serve(
            order["tool"],
            order["repeat"],
            Path(order["warm"]),
            files,
            rounds=order["rounds"],
            many=order["many"],
        )
        # What libraries print stands on lines before.
        print("\n" + json.dumps(asdict(result)))
        # Neither the Java virtual machine nor native libraries need an orderly end.
        sys.stdout.flush()
        os._exit(0)
    if unknown := set(chosen.tools.split(",")) - {*TOOLS, *PARTS}:
        parser.error(f"unknown tools: {', '.join(sorted(unknown))}")
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        warm = Path(name) / "warm.pdf"
        warm.write_bytes(disclosure(RENDERED_PAGES[0], seed=41))
        paths = list(chosen.files)
        if not paths:
            for pages in RENDERED_PAGES:
                path = Path(name) / f"rendered-{pages}.pdf"
                path.write_bytes(disclosure(pages))
                paths.append(path)
            paths += sorted(REAL.glob("*.pdf"))
        how = {"rounds": chosen.rounds, "many": chosen.many}
        results = [
            measure(
                tool,
                warm,
                paths,
                chosen.repeat,
                # Of the others none learns by reading.
                **(how if tool not in ("pdfplumber", "camelot") else {}),
            )
            for tool in chosen.tools.split(",")
        ]
    for line in report(results, console):
        console.print(line, highlight=False, markup=False)
    return 0


def report(results: Sequence[Result], console: Console) -> list[str]:
    """Print the table; returns what is to be said below it."""
    alone = {d.path: d for r in results if r.tool == "pdfplumber" for d in r.documents}
    table = Printout(title="one warm process per tool, best reading of each document; × pdfplumber")
    table.add_column("document")
    table.add_column("tool")
    for heading in ("pages", "s", "CPU s", "pages/s", "cells", "agreed", "×", "× CPU"):
        table.add_column(heading, justify="right")
    paths = list(dict.fromkeys(d.path for r in results for d in r.documents))
    for path in paths:
        for result in results:
            for one in result.documents:
                if one.path != path:
                    continue
                peer = alone.get(path)
                table.add_row(
                    Path(path).name,
                    result.tool,
                    str(one.pages),
                    f"{one.wall_s:.2f}",
                    f"{one.cpu_s:.2f}",
                    f"{one.pages / one.wall_s:.0f}",
                    f"{one.cells:,}",
                    "-" if one.agreed is None else f"{one.agreed:,}",
                    f"{peer.wall_s / one.wall_s:.1f}" if peer else "-",
                    f"{peer.cpu_s / one.cpu_s:.1f}" if peer else "-",
                )
        table.add_section()
    console.print(table)
    said = [f"{r.tool}: {r.absent}" for r in results if r.absent]
    said += [f"{r.tool}: peak memory {r.peak_mib:.0f} MiB" for r in results if r.documents]
    own = next((r.documents for r in results if r.tool == "juesuan"), ())
    ratios = [alone[one.path].wall_s / one.wall_s for one in own if one.path in alone]
    if ratios:
        said.append(
            f"juesuan reads completely {statistics.median(ratios):.1f} times (median; least "
            f"{min(ratios):.1f}) as fast as pdfplumber extracts tables; target {TARGET_RATIO:g}"
        )
    thirty = [one for one in own if 24 <= one.pages <= 33]
    said += [
        f"{Path(one.path).name}: {one.wall_s * 30 / one.pages:.2f} s, of the processor "
        f"{one.cpu_s * 30 / one.pages:.2f} s, per 30 pages; target {TARGET_S:g} s"
        for one in thirty
    ]
    named = {Path(one.path).stem: one.wall_s for one in own}
    if {"rendered-50", "rendered-100"} <= named.keys():
        said.append(
            f"100 pages cost {named['rendered-100'] / named['rendered-50']:.2f} times 50 pages"
        )
    return said


if __name__ == "__main__":
    sys.exit(main())
