"""Reading as a stage of a run: one set of worker processes for all its chunks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prefect import flow
from prefect.testing.utilities import prefect_test_harness

from disclosures.model import Reading
from flows import local, steps, tasks
from warehouse import load

CHUNKS = 3


@pytest.fixture(scope="module", autouse=True)
def _server() -> Iterator[None]:
    with prefect_test_harness():
        yield


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[steps.Workspace]:
    monkeypatch.setenv("JUESUAN_DATA", str(tmp_path / "var"))
    monkeypatch.setenv("JUESUAN_JOBS", "1")
    monkeypatch.setenv("JUESUAN_CHUNK", "1")
    work = steps.workspace()
    yield work
    work.engine.dispose()


def workers() -> set[int]:
    """Reading processes among the children of this one."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == os.getpid() and b"disclosures.reading.workers" in command:
            found.add(int(entry.name))
    return found


def reads(work: steps.Workspace, folder: Path) -> Callable[[], dict[str, object]]:
    """A flow that reads three documents, a chunk each."""
    folder = folder / "files"
    folder.mkdir()
    for number in range(CHUNKS):
        text = f"某市第{number}局2023年度部门决算\n第一部分 部门概况\n"
        (folder / f"{number}.txt").write_text(text, encoding="utf-8")

    @flow
    def night() -> dict[str, object]:
        with steps.recorded_run(work, "nightly", {}) as run:
            named = [(path.name, path) for path in sorted(folder.iterdir())]
            documents = [document for document, _, _ in local._register(work, run.run_id, named)]
            tasks.read_all(run, documents)
        return run.summary

    return night


def watched(
    monkeypatch: pytest.MonkeyPatch, then: Callable[[int], None] = lambda done: None
) -> list[set[int]]:
    """The workers there are whenever a reading is saved; ``then`` is called after it."""
    seen: list[set[int]] = []
    save = load.save_readings

    def saved(engine: object, run_id: str, readings: list[Reading]) -> None:
        seen.append(workers())
        save(engine, run_id, readings)  # type: ignore[arg-type]
        then(len(seen))

    monkeypatch.setattr(load, "save_readings", saved)
    return seen


def test_chunks_of_a_run_share_their_workers(
    work: steps.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watched(monkeypatch)
    summary = reads(work, tmp_path)()
    assert summary["documents_read"] == CHUNKS
    assert len(seen) == CHUNKS
    assert len(seen[0]) == 1
    assert seen[0] == seen[1] == seen[2]
    assert workers() == set()


class _Terminated(BaseException):
    """What a cancelled flow is ended by: not an ``Exception``, so that nothing tries again."""


def test_a_run_that_is_ended_leaves_no_worker(
    work: steps.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(done: int) -> None:
        if done == 2:
            raise _Terminated

    seen = watched(monkeypatch, end)
    with pytest.raises(_Terminated):
        reads(work, tmp_path)()
    assert len(seen) == 2
    assert seen[0]
    assert workers() == set()
    # What a later run starts is its own.
    assert steps._WARM.get() is None
