"""How right is reading: known figures rendered in every layout and format, and read back.

    python -m bench.accuracy [--seeds N] [--formats pdf,xlsx,…] [--layouts NAME,…] [--show N]

Every printed cell is compared with the figure that it was printed from:

* exact: the value, or the blank, is the one printed, at its own place;
* flagged: it is not, and the reading says so (no agreement, unreadable, form incomplete or not
  found, document refused with a reason);
* silently wrong: it is not, and nothing says so. This must be 0;
* invented: a figure at a place where nothing is printed, and nothing says that it is in doubt.

The command ends with status 1 when a figure is silently wrong or invented, or a born-digital
format is not read whole.
"""

from __future__ import annotations

import argparse
import io
import math
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from PIL.Image import Image as Picture
from PIL.Image import Resampling, fromarray, merge, new
from PIL.ImageChops import multiply
from PIL.ImageDraw import Draw
from rich.console import Console
from rich.progress import track
from rich.table import Table as Printout

from disclosures.amounts import CellState, MoneyUnit
from disclosures.model import DocumentKind, Fact, Reading
from disclosures.reading.titles import find_titles
from disclosures.reading.workers import Limits, ReaderPool
from disclosures.rendering import Figures, Layout, layouts, render
from disclosures.rendering.synthetic import synthetic_figures
from disclosures.rendering.tables import Stated, form_tables

#: Formats in which figures survive exactly.
BORN_DIGITAL = ("pdf", "xlsx", "docx", "html")
SCAN_DPI = 150
#: The cover and pages of forms as pictures: clean, in 300 dpi, pale with grain, askew with grain
#: and JPEG, with a seal on every page in red and in grey, and as a picture file instead of a PDF.
SCANS = (
    *("scan", "scan_300", "scan_pale", "scan_askew", "scan_seal", "scan_seal_grey"),
    "scan_tiff",
)
#: ``text`` is what is left of a PDF when its tables are flattened: blank cells are lost, so a row
#: that has some cannot be read whole.
FORMATS = (*BORN_DIGITAL, "text", *SCANS)
#: What is run unless asked for otherwise; the others take minutes a document.
USUAL = (*BORN_DIGITAL, "text", "scan")

FactKey = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Expected:
    """One printed cell: ``value_wan`` is None where it is printed blank."""

    key: FactKey
    value_wan: Decimal | None
    shown: str


@dataclass(slots=True)
class Tally:
    """Cells of one or more readings. ``examples`` are the first cells that are not exact."""

    expected: int = 0
    exact: int = 0
    blanks: int = 0
    blanks_right: int = 0
    unconfirmed: int = 0
    flagged: int = 0
    silent: int = 0
    invented: int = 0
    empty_forms: int = 0
    empty_told: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        for name in ("expected", "exact", "blanks", "blanks_right", "unconfirmed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("flagged", "silent", "invented", "empty_forms", "empty_told"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.examples += other.examples


def printed_layouts() -> dict[str, Layout]:
    """Layouts that print the nine forms."""
    return {
        name: layout
        for name, layout in layouts().items()
        if any("forms" in part.content for part in layout.parts)
    }


def figures_for(layout: Layout, seed: int) -> Figures:
    """Figures that suit a layout; every other seed has negative amounts."""
    exact = layout.forms.money != "as_given"
    figures = synthetic_figures(seed, forms_unit=MoneyUnit.YUAN if exact else MoneyUnit.WAN)
    return _with_negatives(figures) if seed % 2 else figures


def _with_negatives(figures: Figures) -> Figures:
    """The same figures with some amounts of the coded forms and of 06 below zero.

    Identities no longer hold; departments print what they booked, returned money included.
    """
    raw = figures.model_dump(by_alias=True)
    for key in ("02", "03", "05"):
        for row in (raw["forms"][key] or {"rows": ()})["rows"][1::4]:
            row["values"] = {column: _negated(text) for column, text in row["values"].items()}
    for item in (raw["forms"]["06"] or {"items": ()})["items"][2::5]:
        item["amount"] = _negated(item["amount"])
    return Figures.model_validate(raw)


def _negated(text: str) -> str:
    digits = text.replace(",", "")
    return f"-{text}" if digits and Decimal(digits) > 0 else text


def expected_cells(figures: Figures, layout: Layout) -> dict[FactKey, Expected]:
    """Every cell of the nine forms that the layout prints, by the key of its fact."""
    cells: dict[FactKey, Expected] = {}
    for table in form_tables(figures, layout):
        for row in table.body:
            for cell in row:
                if cell.states is not None:
                    one = _expected(cell.states, cell.text)
                    cells[one.key] = one
    return cells


def _expected(states: Stated, shown: str) -> Expected:
    key = (states.form, states.side.value if states.side else "", states.row, states.column)
    if not shown.strip(" -—"):
        return Expected(key, None, shown)
    # A layout may print 0.00 where the figures leave a blank.
    figure = Decimal(states.figure.replace(",", "") or "0")
    return Expected(key, states.unit.to_wan(figure), shown)


def declared_empty(figures: Figures) -> frozenset[str]:
    """Forms of which a printed note says that they are empty."""
    return frozenset(key for key, form in figures.forms.present() if form.empty_statement)


def compare(expected: Mapping[FactKey, Expected], empty: frozenset[str], reading: Reading) -> Tally:
    """What of the printed cells, and of the ``empty`` forms, the reading holds."""
    tally = Tally(expected=len(expected))
    facts = {fact.key: fact for fact in reading.facts}
    read = {form.form: form for form in reading.forms}
    for key, cell in expected.items():
        blank = cell.value_wan is None
        tally.blanks += blank
        fact = facts.get(key)
        form = read.get(key[0])
        if fact is None:
            if blank and form is not None and form.declared_empty:
                right, flagged = True, False
            else:
                right, flagged = False, form is None or not form.complete
        else:
            right = _is_right(fact, cell)
            flagged = not fact.agreed or fact.state is CellState.UNREADABLE
        if right:
            tally.exact += 1
            tally.blanks_right += blank
            tally.unconfirmed += flagged
            continue
        tally.flagged += flagged
        tally.silent += not flagged
        found = "nothing" if fact is None else repr(fact.text)
        tally.examples.append(
            f"{'flagged' if flagged else 'SILENT'} {'/'.join(key)}: printed {cell.shown!r}, "
            f"read {found}"
        )
    tally.empty_forms = len(empty)
    for name in sorted(empty):
        told = name in read and read[name].declared_empty
        tally.empty_told += told
        if not told:
            tally.examples.append(f"form {name}: printed as empty by its note, not read so")
    for key, fact in facts.items():
        if key not in expected and fact.state is not CellState.BLANK:
            tally.invented += fact.agreed
            kind = "INVENTED" if fact.agreed else "in doubt"
            tally.examples.append(f"{kind} {'/'.join(key)}: {fact.text!r} {fact.name!r}")
    return tally


def _is_right(fact: Fact, cell: Expected) -> bool:
    if cell.value_wan is None:
        return fact.state is CellState.BLANK
    return fact.state is CellState.READ and fact.amount_wan == cell.value_wan


def write(folder: Path, name: str, figures: Figures, layout: Layout, format: str) -> Path:
    """One document in a format of ``FORMATS``."""
    if format in BORN_DIGITAL:
        body, suffix = render(figures, layout, format), format
    elif format == "text":
        body, suffix = flattened(render(figures, layout, "pdf")), "txt"
    else:
        body = scanned(render(figures, layout, "pdf"), format)
        suffix = "tif" if format == "scan_tiff" else "pdf"
    path = folder / f"{name}-{format}.{suffix}"
    path.write_bytes(body)
    return path


def flattened(pdf: bytes) -> bytes:
    """The text of a PDF, pages separated by form feeds."""
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    try:
        pages = [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()
    return "\f".join(pages).encode("utf-8")


def scanned(pdf: bytes, how: str = "scan") -> bytes:
    """The cover and the pages of forms as grey pictures; ``how`` is one of :data:`SCANS`."""
    import pypdfium2

    dpi = 300 if how == "scan_300" else SCAN_DPI
    document = pypdfium2.PdfDocument(pdf)
    try:
        texts = [page.get_textpage().get_text_range() for page in document]
        pictures = [
            document[number].render(scale=dpi / 72).to_pil().convert("L")
            for number in _form_pages(texts)
        ]
    finally:
        document.close()
    pictures = [_worn(picture, how, number) for number, picture in enumerate(pictures)]
    written = io.BytesIO()
    if how == "scan_tiff":
        pictures[0].save(written, "TIFF", save_all=True, append_images=pictures[1:])
        return written.getvalue()
    pictures[0].save(
        written,
        "PDF",
        save_all=True,
        append_images=pictures[1:],
        resolution=dpi,
        quality=60 if how == "scan_askew" else 90,
    )
    return written.getvalue()


def _form_pages(texts: Sequence[str]) -> list[int]:
    """The cover, and everything from the first to the last page with a form; from 0."""
    titled = [n for n, text in enumerate(texts) if any(t.form for t in find_titles(text)[1])]
    filled = [n for n, text in enumerate(texts) if len(re.findall(r"\d[.．]\d{2}", text)) >= 4]
    # A list of contents has titles and no figures.
    forms = range(min({*titled} & {*filled}), max(titled) + 1)
    return sorted({0, *forms})


def _worn(picture: Picture, how: str, number: int) -> Picture:
    """A page as a poor scanner or a hurried clerk leaves it; the same every time."""
    grain = np.random.default_rng(number)
    pixels = np.asarray(picture, dtype=np.float64)
    if how == "scan_pale":
        pixels = 235 - (255 - pixels) * 0.5 + grain.normal(0, 8, pixels.shape)
    elif how == "scan_askew":
        turned = picture.rotate(
            1.3 - 0.6 * (number % 3), fillcolor=255, resample=Resampling.BICUBIC
        )
        pixels = np.asarray(turned, dtype=np.float64) + grain.normal(0, 10, pixels.shape)
    elif how == "scan_seal":
        return _sealed(picture, number)
    elif how == "scan_seal_grey":
        return _sealed(picture, number).convert("L")
    else:
        return picture
    return fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _sealed(picture: Picture, number: int) -> Picture:
    """A round seal in red somewhere on the page."""
    place = np.random.default_rng(1000 + number)
    radius = round(SCAN_DPI * 21 / 25.4)
    x = int(place.integers(radius, picture.width - radius))
    y = int(place.integers(radius, picture.height - radius))
    seal = new("L", picture.size, 255)
    pen = Draw(seal)
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=60, width=8)
    star = [
        (
            x + (0.4 if point % 2 == 0 else 0.16) * radius * math.sin(point * math.pi / 5),
            y - (0.4 if point % 2 == 0 else 0.16) * radius * math.cos(point * math.pi / 5),
        )
        for point in range(10)
    ]
    pen.polygon(star, fill=60)
    for letter in range(9):
        angle = math.pi * (letter - 4) / 6
        at = (x + 0.75 * radius * math.sin(angle), y - 0.75 * radius * math.cos(angle))
        pen.rectangle((at[0] - 9, at[1] - 9, at[0] + 9, at[1] + 9), outline=60, width=4)
        pen.line((at[0] - 9, at[1], at[0] + 9, at[1]), fill=60, width=4)
    ink = merge("RGB", (seal.point(lambda level: 215 if level < 255 else 255), seal, seal))
    return multiply(picture.convert("RGB"), ink)


@dataclass(frozen=True, slots=True)
class Task:
    layout: str
    format: str
    seed: int
    expected: Mapping[FactKey, Expected]
    empty: frozenset[str]


def run(
    names: Sequence[str],
    formats: Sequence[str],
    seeds: Iterable[int],
    *,
    jobs: int = 2,
    progress: bool = False,
) -> Iterator[tuple[Task, Reading, Tally]]:
    """Render, read and compare; one result per document, in any order."""
    known = printed_layouts()
    with tempfile.TemporaryDirectory() as name, ReaderPool(jobs, Limits(wall_s=600)) as pool:
        folder = Path(name)
        tasks: dict[Path, Task] = {}
        combinations = [(n, s, f) for s in seeds for n in names for f in formats]
        for layout_name, seed, format in track(
            combinations, "rendering", disable=not progress, transient=True
        ):
            layout = known[layout_name]
            figures = figures_for(layout, seed)
            path = write(folder, f"{layout_name}-{seed}", figures, layout, format)
            cells, empty = expected_cells(figures, layout), declared_empty(figures)
            tasks[path] = Task(layout_name, format, seed, cells, empty)
        results = pool.read(tasks)
        for path, reading in track(
            results, "reading", total=len(tasks), disable=not progress, transient=True
        ):
            task = tasks[path]
            yield task, reading, compare(task.expected, task.empty, reading)


def scans_are_read() -> str | None:
    """None when scanned pages are read here, else the reason why not."""
    layout = printed_layouts()["xinjiang_excel"]
    with tempfile.TemporaryDirectory() as name, ReaderPool(1, Limits(wall_s=600)) as pool:
        path = write(Path(name), "one", figures_for(layout, 0), layout, "scan")
        [(_, reading)] = pool.read([path])
    return reading.reason if reading.kind is DocumentKind.UNREADABLE else None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seeds", type=int, default=2, help="departments per layout (2)")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--formats", default=",".join(USUAL), help=f"of {', '.join(FORMATS)}")
    parser.add_argument("--layouts", default="", help="names, by default all that print forms")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes (2)")
    parser.add_argument("--show", type=int, default=5, help="examples per layout and format (5)")
    chosen = parser.parse_args(arguments)
    console = Console()
    names = chosen.layouts.split(",") if chosen.layouts else sorted(printed_layouts())
    formats = chosen.formats.split(",")
    if unknown := [*(set(names) - set(printed_layouts())), *(set(formats) - set(FORMATS))]:
        parser.error(f"unknown: {', '.join(unknown)}")
    if set(SCANS) & set(formats) and (reason := scans_are_read()):
        formats = [format for format in formats if format not in SCANS]
        console.print(f"scans: skipped, a scanned PDF is refused here: {reason}")

    tallies: dict[tuple[str, str], Tally] = {}
    refused: Counter[str] = Counter()
    seeds = range(chosen.first_seed, chosen.first_seed + chosen.seeds)
    for task, reading, tally in run(names, formats, seeds, jobs=chosen.jobs, progress=True):
        tallies.setdefault((task.layout, task.format), Tally()).add(tally)
        if reading.kind is not DocumentKind.FINAL_ACCOUNTS:
            refused[f"{task.layout}/{task.format}: {reading.kind.value}, {reading.reason}"] += 1
    console.print(_printout(tallies, f"{chosen.seeds} departments per layout and format"))
    for reason, count in refused.items():
        console.print(f"{count} × {reason}", highlight=False, markup=False)
    for (layout, format), tally in sorted(tallies.items()):
        for example in sorted(tally.examples)[: chosen.show]:
            console.print(f"{layout}/{format}: {example}", highlight=False, markup=False)
    return _status(tallies)


def _status(tallies: Mapping[tuple[str, str], Tally]) -> int:
    wrong = any(tally.silent or tally.invented for tally in tallies.values())
    lost = any(
        tally.exact < tally.expected or tally.empty_told < tally.empty_forms
        for (_, format), tally in tallies.items()
        if format in BORN_DIGITAL
    )
    return int(wrong or lost)


def _printout(tallies: Mapping[tuple[str, str], Tally], title: str) -> Printout:
    table = Printout(title=title)
    for heading in ("layout", "format"):
        table.add_column(heading)
    for heading in (
        *("cells", "exact", "%", "blanks right", "right, unconfirmed"),
        *("flagged", "silently wrong", "invented", "empty forms"),
    ):
        table.add_column(heading, justify="right")
    for (layout, format), tally in sorted(tallies.items()):
        table.add_row(layout, format, *_row(tally))
    by_format: dict[str, Tally] = {}
    for (_, format), tally in tallies.items():
        by_format.setdefault(format, Tally()).add(tally)
    table.add_section()
    for format in sorted(by_format):
        table.add_row("all", format, *_row(by_format[format]), style="bold")
    return table


def _row(tally: Tally) -> list[Any]:
    share = f"{100 * tally.exact / tally.expected:.2f}" if tally.expected else "-"
    return [
        f"{tally.expected:,}",
        f"{tally.exact:,}",
        share,
        f"{tally.blanks_right:,}/{tally.blanks:,}",
        f"{tally.unconfirmed:,}",
        f"{tally.flagged:,}",
        f"{tally.silent:,}",
        f"{tally.invented:,}",
        f"{tally.empty_told}/{tally.empty_forms}",
    ]


if __name__ == "__main__":
    sys.exit(main())
