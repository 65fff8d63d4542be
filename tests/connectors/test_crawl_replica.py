from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from test_crawl import crawl, known_of

from connectors.archive import Archive
from connectors.records import FetchOutcome, FetchRole
from connectors.replica.server import ReplicaPortal, serve
from connectors.sites import load_sites


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaPortal]:
    with serve(tmp_path_factory.mktemp("replica")) as running:
        yield running


@pytest.mark.parametrize("portal", ["trs", "hanweb"])
def test_two_nights_on_a_replica_portal(
    replica: ReplicaPortal, portal: str, tmp_path: Path
) -> None:
    site = load_sites(replica_base_url=replica.base_url)[f"replica_{portal}"]
    offered = {file.url: file for file in replica.documents() if file.portal == portal}
    dead = {url for url, file in offered.items() if file.content == "dead_link"}
    # A web page under the name of a PDF, without a figure, is what portals answer for lost files.
    pages = {url for url, file in offered.items() if file.content == "saved_page"}
    replica.requests.clear()

    first = crawl(site, tmp_path)
    assert first.failed is None
    rows = {fetch.url: fetch for fetch in first.fetches if fetch.role is FetchRole.DOCUMENT}
    assert set(rows) == set(offered)
    assert first.documents == len(offered) - len(dead) - len(pages)
    assert site.min <= first.documents < 2 * site.min, "the site's min is up to date"
    for url, file in offered.items():
        row = rows[url]
        assert row.file_name == file.name
        assert row.article_title == file.article_title
        assert row.found_on == file.article_url
        assert row.published_on == f"{file.published:%Y-%m-%d}"
        if url in dead:
            assert (row.outcome, row.status) == (FetchOutcome.FAILED, 404)
        elif url in pages:
            assert (row.outcome, row.status) == (FetchOutcome.FAILED, 200)
            assert row.reason
        else:
            assert row.outcome is FetchOutcome.NEW
            assert (row.sha256 or "") in Archive(tmp_path)
    asked = [request.path for request in replica.requests]
    assert len(asked) == len(set(asked)), "each URL once"
    assert not [path for path in asked if "/search/" in path], "robots.txt is obeyed"

    replica.requests.clear()
    second = crawl(site, tmp_path, known=known_of(first.fetches))
    assert second.failed is None
    assert second.documents == first.documents
    again = {f"{replica.base_url}{r.path}" for r in replica.requests if r.status == 200}
    assert again == pages, "no body again, but of what failed"
    assert {fetch.outcome for fetch in second.fetches} == {
        FetchOutcome.UNCHANGED,
        FetchOutcome.FAILED,
    }
    assert known_of(second.fetches) == known_of(first.fetches)
