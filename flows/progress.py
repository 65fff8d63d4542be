"""Progress of long work, shown where somebody watches and silent elsewhere.

Steps report to :func:`advance`; the command line installs a display, flow runs on a worker do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Display(Protocol):
    def advance(self, stage: str, done: int, total: int | None, note: str) -> None: ...


_display: Display | None = None


def advance(stage: str, done: int, total: int | None = None, note: str = "") -> None:
    """Say that ``done`` of ``total`` items of a stage are finished (None: open-ended)."""
    if _display is not None:
        _display.advance(stage, done, total, note)


@contextmanager
def shown(display: Display) -> Iterator[None]:
    """Send progress to ``display`` for the length of a block."""
    global _display
    previous, _display = _display, display
    try:
        yield
    finally:
        _display = previous


@contextmanager
def progress_bars() -> Iterator[None]:
    """Rich progress bars on standard error, one per stage."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
    )

    class Bars:
        def __init__(self, progress: Progress) -> None:
            self.progress = progress
            self.tasks: dict[str, TaskID] = {}

        def advance(self, stage: str, done: int, total: int | None, note: str) -> None:
            if stage not in self.tasks:
                self.tasks[stage] = self.progress.add_task(stage, total=total, note="")
            self.progress.update(self.tasks[stage], completed=done, total=total, note=note[:40])

    columns = (
        TextColumn("{task.description:<8}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress, shown(Bars(progress)):
        yield
