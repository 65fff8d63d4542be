"""What the export writes is read back with warcio, an independent reader."""

from __future__ import annotations

import hashlib
import zipfile
from collections import Counter
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from portal import Portal, Reply, portal
from test_crawl import PDF, by_path, crawl, known_of, self_signed, site_of, three_documents
from typer.testing import CliRunner
from warcio.archiveiterator import ArchiveIterator
from warcio.checker import Checker

from connectors.archive import Archive
from connectors.sites import Quirk
from connectors.warc import export_warc
from flows import steps
from flows.cli import app
from flows.settings import Settings
from flows.steps import Workspace, recorded_run

#: A header in UTF-8, which HTTP does not know.
NOTE = "甲局".encode().decode("latin-1")
MOVED = "/bmjs/202409/P02024.pdf"


class Record:
    """One record as warcio reads it."""

    def __init__(self, record: object) -> None:
        self.kind = record.rec_type  # type: ignore[attr-defined]
        self.headers = dict(record.rec_headers.headers)  # type: ignore[attr-defined]
        self.http = record.http_headers  # type: ignore[attr-defined]
        self.body = record.content_stream().read()  # type: ignore[attr-defined]
        self.version = record.rec_headers.protocol  # type: ignore[attr-defined]


def records(path: Path) -> list[Record]:
    with path.open("rb") as file:
        return [Record(record) for record in ArchiveIterator(file)]


def assert_valid(path: Path) -> None:
    """warcio's own check: gzip members, lengths, block and payload digests."""

    class Quiet:
        inputs = (str(path),)
        verbose = False

    checker = Checker(Quiet())
    checker.process_all()
    assert checker.exit_value == 0


@pytest.fixture
def two_nights(tmp_path: Path) -> tuple[Portal, Archive]:
    replies = three_documents()
    replies[MOVED] = Reply(b"moved", 302, {"Location": "/new/a.pdf", "X-Note": NOTE})
    replies["/new/a.pdf"] = Reply(PDF + b"1", headers={"Content-Encoding": "identity"})
    replies["/files/down?id=9"] = Reply(PDF + b"1")  # the same body once more
    with portal(replies) as running:
        site = site_of(running)
        first = crawl(site, tmp_path / "archive", run_id="night-1")
        crawl(site, tmp_path / "archive", run_id="night-2", known=known_of(first.fetches))
    archive = Archive(tmp_path / "archive")
    (journal, _) = archive.journals()
    archive.settle(journal)
    return running, archive


def test_every_request_and_answer_is_a_record(
    two_nights: tuple[Portal, Archive], tmp_path: Path
) -> None:
    running, archive = two_nights
    out = tmp_path / "all.warc.gz"
    summary = export_warc(archive, out)
    assert_valid(out)
    found = records(out)
    assert {record.version for record in found} == {"WARC/1.1"}
    kinds = Counter(record.kind for record in found)
    assert kinds == summary.records
    asked = [record for record in found if record.kind == "request"]
    assert len(asked) == len(running.log), "one for each request on the wire"
    assert kinds["response"] + kinds["revisit"] == len(running.log)
    by_id = {record.headers["WARC-Record-ID"]: record for record in found}
    for record in asked:
        assert by_id[record.headers["WARC-Concurrent-To"]].kind in ("response", "revisit")
        assert record.http.get_header("User-Agent").startswith("juesuan/")
        assert record.http.get_header("Host") == f"127.0.0.1:{running.port}"
        assert record.headers["WARC-IP-Address"] == "127.0.0.1"
    (moved,) = [
        record
        for record in found
        if record.kind == "response"
        and record.headers["WARC-Target-URI"].endswith(MOVED)
        and record.headers["WARC-Date"] < asked[-1].headers["WARC-Date"]
    ][:1]
    assert moved.http.get_statuscode() == "302"
    assert moved.http.get_header("Location") == "/new/a.pdf"
    assert moved.http.get_header("X-Note")
    bodies = [r for r in found if r.kind == "response" and r.body == PDF + b"1"]
    assert len(bodies) == 1, "a body is written once"
    assert bodies[0].http.get_header("Content-Length") == str(len(PDF + b"1"))
    again = [
        record
        for record in found
        if record.kind == "revisit"
        and record.headers.get("WARC-Payload-Digest") == bodies[0].headers["WARC-Payload-Digest"]
    ]
    profiles = Counter(record.headers["WARC-Profile"].rpartition("/")[2] for record in again)
    assert profiles["identical-payload-digest"] == 1
    assert profiles["server-not-modified"] >= 1
    assert {r.headers["WARC-Refers-To-Target-URI"] for r in again} == {
        bodies[0].headers["WARC-Target-URI"]
    }
    about = [record for record in found if record.kind == "metadata"]
    assert len(about) == summary.fetches
    assert all(r.headers["WARC-Refers-To"] in by_id for r in about if b"hop1-" in r.body)
    (robots,) = {r.body.split(b"\r\n")[2] for r in about if b"role: robots" in r.body}
    assert robots == b"role: robots"


def test_a_site_a_day_or_a_document(two_nights: tuple[Portal, Archive], tmp_path: Path) -> None:
    _, archive = two_nights
    out = tmp_path / "some.warc.gz"
    assert export_warc(archive, out, site="elsewhere").fetches == 0
    assert export_warc(archive, out, since=date(2100, 1, 1)).fetches == 0
    sha256, _ = archive.put(PDF + b"2")
    assert export_warc(archive, out, documents=[sha256]).fetches == 2
    arguments = ["archive", "export-warc", "--document", sha256, "--site", "test_site"]
    given = ["--data", str(archive.root.parent), str(out)]
    result = CliRunner().invoke(app, arguments + given)
    assert result.exit_code == 0, result.output
    assert "2 fetches" in result.output
    (answer,) = [record for record in records(out) if record.kind == "response"]
    assert answer.body == PDF + b"2"
    # A damaged body is not passed on.
    archive.path(sha256).write_bytes(b"spoilt")
    result = CliRunner().invoke(app, arguments + given)
    assert result.exit_code == 1
    assert sha256 in result.output
    assert not [r for r in records(out) if r.kind == "response" and r.body]
    result = CliRunner().invoke(app, ["archive", "verify", *given[:2]])
    assert (result.exit_code, "0 are not" in result.output) == (0, True), "it is set aside"


def test_a_document_out_of_a_package_is_proved_by_the_package(tmp_path: Path) -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("甲局/决算.pdf", PDF + b"in a package")
    replies = three_documents()
    replies["/bmjs/202409/P02024b.xlsx"] = Reply(packed.getvalue())
    work = Workspace(Settings(data=tmp_path))
    with portal(replies) as running:
        site = site_of(running)
        work.__dict__["sites"] = {site.key: site}
        for _ in range(2):
            with recorded_run(work, "nightly", {}) as run:
                assert steps.crawl(work, run.run_id, site.key, None).failed is None
    work.engine.dispose()
    member = hashlib.sha256(PDF + b"in a package").hexdigest()
    assert member in work.archive
    out = tmp_path / "member.warc.gz"
    arguments = ["archive", "export-warc", "--document", member.upper(), "--data", str(tmp_path)]
    result = CliRunner().invoke(app, [*arguments, str(out)])
    assert result.exit_code == 0, result.output
    assert f"taken out of {hashlib.sha256(packed.getvalue()).hexdigest()}" in result.output
    assert_valid(out)
    kinds = Counter(record.kind for record in records(out))
    assert kinds == {"warcinfo": 1, "request": 2, "response": 1, "revisit": 1, "metadata": 2}
    (answer,) = [record for record in records(out) if record.kind == "response"]
    assert answer.body == packed.getvalue()


def test_facts_of_tls_and_failures_are_metadata(tmp_path: Path) -> None:
    quirk = Quirk(name="verify_tls", value=False, reason="证书由门户自己签发，浏览器也提示不安全")
    with portal(three_documents(), tls=self_signed(tmp_path)) as running:
        crawl(site_of(running), tmp_path / "archive", run_id="refused")
        accepted = crawl(site_of(running, quirks=(quirk,)), tmp_path / "archive", run_id="taken")
    (tls,) = {hop.tls for fetch in accepted.fetches for hop in fetch.hops}
    assert tls is not None
    out = tmp_path / "tls.warc.gz"
    export_warc(Archive(tmp_path / "archive"), out)
    assert_valid(out)
    about = [record.body.decode() for record in records(out) if record.kind == "metadata"]
    taken = [text for text in about if "run: taken" in text and "hop1-" in text]
    assert all(f"tls-fingerprint_sha256: {tls.fingerprint_sha256}" in text for text in taken)
    assert all("tls-verified: False" in text for text in taken)
    refused = [text for text in about if "run: refused" in text and "hop1-" in text]
    assert refused
    assert all("error: " in text for text in refused)
    first = by_path(accepted, running)[MOVED]
    assert any(f"sha256: {first.sha256}" in text for text in taken)
