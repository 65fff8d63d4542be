"""The archive in an object store behaves as the one on a disk. The store is moto's server, which
speaks S3 on loopback."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from portal import Reply, portal
from test_archive import BODY, fetch
from test_crawl import by_path, known_of, site_of, three_documents

from connectors import replica
from connectors.archive import Archive, Damaged
from connectors.crawl import crawl_site
from disclosures.rendering import load_figures, render
from flows import steps
from flows.settings import Settings
from warehouse import load

BUCKET = "accounts"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.client]:
    """A bucket of its own for each test; endpoint and credentials by the usual variables."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket=BUCKET)
    yield client
    for key in keys(client):
        client.delete_object(Bucket=BUCKET, Key=key)
    client.delete_bucket(Bucket=BUCKET)


def keys(client: boto3.client) -> list[str]:
    found = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return sorted(one["Key"] for one in found)


@pytest.fixture
def archive(s3: boto3.client, tmp_path: Path) -> Archive:
    return Archive(f"s3://{BUCKET}/final/accounts", copies=tmp_path / "copies")


def test_bodies_are_objects_named_by_their_hash(archive: Archive, s3: boto3.client) -> None:
    sha256, name = archive.put(BODY)
    assert name == f"{sha256[:2]}/{sha256}.pdf"
    assert archive.put(BODY, "text/html") == (sha256, name), "the first name stays"
    assert keys(s3) == [f"final/accounts/{name}"]
    assert archive.read(sha256) == BODY
    assert archive.size(sha256) == len(BODY)
    assert sha256 in archive
    assert "0" * 64 not in archive
    with pytest.raises(FileNotFoundError):
        archive.read("0" * 64)
    copied = pickle.loads(pickle.dumps(archive))
    assert copied.read(sha256) == BODY
    assert copied.root == archive.root


def test_a_file_is_a_checked_copy(archive: Archive, s3: boto3.client) -> None:
    sha256, name = archive.put(BODY)
    path = archive.local(sha256)
    assert path == archive.root / name == archive.path(sha256)
    assert path.read_bytes() == BODY
    path.write_bytes(b"spoilt")
    assert archive.local(sha256).read_bytes() == BODY, "a spoilt copy is made anew"


def test_a_damaged_object_is_told_and_set_aside(archive: Archive, s3: boto3.client) -> None:
    sha256, name = archive.put(BODY)
    s3.put_object(Bucket=BUCKET, Key=f"final/accounts/{name}", Body=b"x" * len(BODY))
    with pytest.raises(Damaged, match="已损坏"):
        archive.local(sha256)
    assert sha256 not in archive
    (aside,) = keys(s3)
    assert aside.startswith("final/accounts/damaged/")
    archive.put(BODY)
    assert archive.read(sha256) == BODY


def test_a_journal_is_one_object_per_row_until_it_is_loaded(
    archive: Archive, s3: boto3.client
) -> None:
    with archive.journal("run-1", "hill") as journal:
        journal.append(fetch(1))
        journal.append(fetch(2))
        assert archive.journals() == [], "a crawl still writes it"
        assert archive.journal_of("run-1", "hill") is None
        with pytest.raises(BlockingIOError), archive.journal("run-1", "hill"):
            pass
    with archive.journal("run-1", "hill") as journal:
        journal.append(fetch(3))
    (found,) = archive.journals()
    assert (found.run_id, found.site) == ("run-1", "hill")
    assert found.fetches() == [fetch(1), fetch(2), fetch(3)]
    assert len(keys(s3)) == 3
    assert archive.journal_of("run-1", "hill") == found
    archive.settle(found)
    assert archive.journal_of("run-1", "hill") is None
    assert archive.journals() == []
    assert len(keys(s3)) == 1
    with archive.journal("run-1", "hill") as journal:
        journal.append(fetch(4))
    (again,) = archive.journals()
    archive.settle(again)
    (kept,) = archive.journals(loaded=True)
    assert kept.fetches() == [fetch(1), fetch(2), fetch(3), fetch(4)]


_DIES = """
import os, sys
from test_archive import fetch
from connectors.archive import Archive
with Archive(sys.argv[1]).journal("run-1", "hill") as journal:
    for number in range(1, 50):
        journal.append(fetch(number))
        if number == 7:
            os._exit(9)
"""


def test_rows_survive_a_killed_process(archive: Archive) -> None:
    here = Path(__file__)
    path = os.pathsep.join((str(here.parent), str(here.parents[2])))
    command = [sys.executable, "-c", _DIES, archive.store.location]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, timeout=300, check=False)
    assert done.returncode == 9
    (found,) = archive.journals()
    assert found.fetches() == [fetch(number) for number in range(1, 8)]


def test_a_crawl_into_an_object_store(archive: Archive, tmp_path: Path) -> None:
    with portal(three_documents()) as running:
        site = site_of(running, min=3)
        first = crawl_site(site, archive, known={}, run_id="run-1", run_deadline_s=300)
        second = crawl_site(
            site, archive, known=known_of(first.fetches), run_id="run-2", run_deadline_s=300
        )
        rows = by_path(first, running)
    assert (first.failed, second.failed) == (None, None)
    assert first.documents == second.documents == 3
    assert archive.read(rows["/bmjs/202409/P02024.pdf"].sha256 or "").startswith(b"%PDF")
    assert [len(journal.fetches()) for journal in archive.journals()] == [
        len(first.fetches),
        len(second.fetches),
    ]


def test_data_docs_are_published_from_an_object_store(s3: boto3.client, tmp_path: Path) -> None:
    """Their links lead to copies, which are made again where they are missing or spoilt."""
    settings = Settings(data=tmp_path, jobs=1, archive=f"s3://{BUCKET}/final")
    work = steps.Workspace(settings)
    replies = three_documents()
    workbook = "/bmjs/202409/P02024b.xlsx"
    figures = Path(replica.__file__).parent / "figures/acheng-2023.yaml"
    replies[workbook] = Reply(render(load_figures(figures), "heilongjiang", "xlsx"))
    with portal(replies) as running, steps.recorded_run(work, "nightly", {}) as run:
        site = site_of(running, min=3)
        work.__dict__["sites"] = {site.key: site}
        outcome = steps.crawl(work, run.run_id, site.key, None)
        assert (outcome.failed, outcome.documents) == (None, 3)
        steps.read_documents(work, run.run_id, steps.unread(work, [site.key]))
        (disclosure,) = steps.assemble_sites(work, run.run_id, [site.key])
        versions = load.unjudged_disclosures(work.engine, work.catalogue.version)
        steps.judge(work, run.run_id, versions, "one")
    document = disclosure.documents[0].sha256
    body = work.archive.read(document)

    def linked() -> set[bytes]:
        index = steps.publish(work)
        pages = list(index.parent.rglob("*.html"))
        hrefs = {
            (page.parent / href).resolve()
            for page in pages
            for href in re.findall(r'href="([^"#]*/archive/[^"#]+)', page.read_text("utf-8"))
        }
        assert all(path.is_relative_to(tmp_path.resolve()) for path in hrefs)
        return {path.read_bytes() for path in hrefs if document in path.name}

    assert linked() == {body}
    shutil.rmtree(work.archive.root)
    assert linked() == {body}
    work.archive.local(document).write_bytes(b"spoilt")
    assert linked() == {body}
    work.engine.dispose()


def test_a_store_that_cannot_be_reached_ends_the_crawl_with_a_reason(tmp_path: Path) -> None:
    options = {
        "key": "x",
        "secret": "x",
        "endpoint_url": "http://127.0.0.1:9",
        "config_kwargs": {"retries": {"max_attempts": 1}, "connect_timeout": 2},
    }
    away = Archive("s3://nowhere/at-all", storage=options, copies=tmp_path)
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        away.put(BODY)
    with portal(three_documents()) as running:
        result = crawl_site(site_of(running), away, known={}, run_deadline_s=300)
    assert result.failed
    assert result.documents == 0


def test_other_file_systems_by_url() -> None:
    archive = Archive("memory://archive-of-a-test")
    sha256, _ = archive.put(BODY)
    assert archive.read(sha256) == BODY
