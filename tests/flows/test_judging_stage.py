"""Judging as a stage of a run: batches in worker processes, verdicts as in one process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path

import pytest
from sqlalchemy import select

from bench.judging import fill
from disclosures.verdicts import Judgement
from expectations.judge import judge_batch
from flows import steps
from flows.settings import Settings
from warehouse import load
from warehouse.schema import CoreJudgement
from warehouse.stored_batches import load_batch


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[steps.Workspace]:
    folder = tmp_path_factory.mktemp("judging")
    work = steps.Workspace(Settings(data=folder, jobs=2, batch=2))
    yield work
    work.engine.dispose()


@pytest.fixture(scope="module")
def ids(work: steps.Workspace) -> list[str]:
    return fill(work.engine, 4, 50.0)


@pytest.fixture(scope="module")
def alone(work: steps.Workspace, ids: list[str]) -> dict[str, Judgement]:
    judged = judge_batch(load_batch(work.engine, ids), work.catalogue)
    assert any(j.causes for j in judged.judgements)
    return {j.disclosure_id: j for j in judged.judgements}


def test_workers_say_what_one_process_says_even_if_one_is_killed(
    work: steps.Workspace,
    ids: list[str],
    alone: dict[str, Judgement],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(steps, "_WORTH_A_WORKER", 1)
    before = set(active_children())
    found: dict[str, Judgement] = {}
    with steps.recorded_run(work, "rerun", {}) as run:
        versions = load.unjudged_disclosures(work.engine, work.catalogue.version)
        assert sorted(versions) == sorted(ids)
        batches = steps.judging_batches(work, run.run_id, versions)
        assert [len(batch) for batch in batches.values()] == [2, 2]
        with steps.judges(work, batches) as pool:
            assert pool is not None
            (victim, *_) = set(active_children()) - before
            assert victim.pid is not None
            os.kill(victim.pid, signal.SIGKILL)
            for name, batch in batches.items():
                judged = steps.judge(work, run.run_id, batch, name)
                found |= {j.disclosure_id: j for j in judged.judgements}
                assert name not in pool
            with pytest.raises(KeyError):
                pool.judged(name)
    assert found == alone
    assert set(active_children()) <= before
    assert not load.unjudged_disclosures(work.engine, work.catalogue.version)
    with work.engine.connect() as connection:
        stored = connection.execute(select(CoreJudgement.disclosure_id, CoreJudgement.grade)).all()
    assert {row[0]: row[1] for row in stored} == {i: j.grade for i, j in alone.items()}


def test_one_batch_needs_no_workers(work: steps.Workspace, ids: list[str]) -> None:
    before = set(active_children())
    with steps.judges(work, {"one": dict.fromkeys(ids, "")}):
        assert set(active_children()) == before


def test_a_batch_is_no_larger_than_allowed_and_none_is_tiny(tmp_path: Path) -> None:
    work = steps.Workspace(Settings(data=tmp_path, jobs=2, batch=2000))

    def sizes(count: int) -> list[int]:
        versions = {f"{n:064x}": "" for n in range(count)}
        return [len(batch) for batch in steps.judging_batches(work, "run", versions).values()]

    assert sizes(0) == []
    assert sizes(300) == [300]
    assert sizes(1400) == [700, 700]
    assert sizes(5000) == [2000, 2000, 1000]
