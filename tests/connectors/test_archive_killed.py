"""``kill -9`` of crawls, then a rerun: archive and warehouse equal those of an undisturbed run.
``python -m bench.killed`` does the same for more moments and for the whole nightly run."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.killed import content, differences, measure
from connectors.replica.server import serve


@pytest.mark.timeout(1800)
def test_killed_crawls_are_finished_by_the_next(tmp_path: Path) -> None:
    with serve(tmp_path / "replica") as portal:
        outcome = measure("crawl", 3, seed=5, chained=True, portal=portal.base_url, folder=tmp_path)
    assert outcome.differences == []
    assert outcome.left_over == 0
    assert [*tmp_path.rglob("known-*")] == [], "what the killed crawls knew is swept"
    assert sum(outcome.victims.values()) > 0, "one was killed while it ran"
    # The comparison sees what is missing and what differs.
    whole = content(tmp_path / "undisturbed")
    assert len(whole["archived documents"]) > 30
    assert len(whole["raw_documents"]) > 10
    (tmp_path / "undisturbed" / "archive").joinpath(
        whole["archived documents"][0].split()[0]
    ).write_bytes(b"spoilt")
    assert len(differences(content(tmp_path / "undisturbed"), whole)) == 2
