from __future__ import annotations

import io
import multiprocessing
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.archive import Archive, Damaged, fetch_from_row, fetch_to_row
from connectors.media import is_document, suffix_of
from connectors.records import Fetch, FetchOutcome, FetchRole
from disclosures.reading.sniff import MediaType

BODY = b"%PDF-1.4\nbody\n"


def fetch(number: int) -> Fetch:
    return Fetch(
        site="hill",
        url=f"http://hill.example/{number}.pdf",
        role=FetchRole.DOCUMENT,
        outcome=FetchOutcome.NEW,
        fetched_at=datetime(2024, 9, 2, 2, 0, number, tzinfo=UTC),
        status=200,
        headers={"ETag": '"1"'},
        article_title="某局\n2023年度\u2028部门决算",
    )


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


def test_a_body_is_kept_under_its_hash_and_its_true_suffix(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    sha256, relative = archive.put(BODY)
    assert relative == f"{sha256[:2]}/{sha256}.pdf"
    assert (tmp_path / relative).read_bytes() == BODY
    assert archive.path(sha256) == archive.path(sha256, MediaType.PDF) == tmp_path / relative
    assert archive.read(sha256) == BODY
    assert sha256 in archive
    assert "0" * 64 not in archive


def test_putting_twice_changes_nothing(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    first = archive.put(BODY)
    path = archive.path(first[0])
    before = path.stat()
    assert archive.put(BODY, "text/html") == first, "the first name stays"
    after = path.stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]


def test_a_damaged_copy_is_mended(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    sha256, _ = archive.put(BODY)
    archive.path(sha256).write_bytes(BODY[:3])
    archive.put(BODY)
    assert archive.read(sha256) == BODY


def test_a_damaged_body_is_told_and_not_used(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for use in (archive.read, archive.local):
        sha256, name = archive.put(BODY)
        assert use(sha256) in (BODY, tmp_path / name)
        (tmp_path / name).write_bytes(BODY.replace(b"body", b"bodi"))
        with pytest.raises(Damaged, match="已损坏"):
            use(sha256)
        assert sha256 not in archive, "the next crawl fetches it again"
    assert len(list((tmp_path / "damaged").iterdir())) == 2, "set aside, not thrown away"
    (tmp_path / archive.put(BODY)[1]).write_bytes(BODY.replace(b"body", b"bodi"))
    archive.put(BODY)
    assert archive.read(sha256) == BODY, "of the same size"


def test_a_failed_write_leaves_no_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        archive.put(BODY)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "", "x" * 64, "AB" * 32])
def test_nothing_but_a_hash_becomes_a_path(tmp_path: Path, name: str) -> None:
    archive = Archive(tmp_path)
    with pytest.raises(ValueError, match="not a SHA-256"):
        archive.path(name, MediaType.PDF)


def test_what_is_not_there(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with pytest.raises(FileNotFoundError):
        archive.path("0" * 64)
    assert archive.path("0" * 64, MediaType.PDF).name == "0" * 64 + ".pdf"


def test_old_leftovers_are_swept_and_new_ones_kept(tmp_path: Path) -> None:
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    old, new = incoming / "old", incoming / "new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    Archive(tmp_path).sweep()
    assert list(incoming.iterdir()) == [new]


def test_a_journal_brings_back_what_was_appended(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with archive.journal("run-1", "hill") as journal:
        journal.append(fetch(1))
        journal.append(fetch(2))
        assert archive.journals() == [], "a crawl still writes it"
    (found,) = archive.journals()
    assert found.fetches() == [fetch(1), fetch(2)]
    assert (found.run_id, found.site) == ("run-1", "hill")


def test_a_torn_line_costs_only_itself(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with archive.journal("run-1", "hill") as journal:
        journal.append(fetch(1))
        journal.append(fetch(2))
    (found,) = archive.journals()
    found.path.write_bytes(found.path.read_bytes()[:-40])
    assert found.fetches() == [fetch(1)]
    with archive.journal("run-1", "hill") as journal:
        journal.append(fetch(3))
    assert found.fetches() == [fetch(1), fetch(3)]


def _append_and_die(root: Path) -> None:
    with Archive(root).journal("run-1", "hill") as journal:
        for number in range(1, 50):
            journal.append(fetch(number))
            if number == 7:
                os._exit(9)  # as a kill does: nothing is flushed or closed


def test_rows_survive_a_killed_process(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_append_and_die, args=(tmp_path,))
    process.start()
    process.join(300)
    assert process.exitcode == 9
    (found,) = Archive(tmp_path).journals()
    assert found.fetches() == [fetch(number) for number in range(1, 8)]


def test_a_loaded_journal_is_kept_aside(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with archive.journal("run-1", "hill") as journal:
        journal.append(fetch(1))
    (found,) = archive.journals()
    archive.settle(found)
    archive.settle(found)
    assert archive.journals() == []
    (kept,) = archive.journals(loaded=True)
    assert kept.fetches() == [fetch(1)]


def test_a_second_crawl_of_the_same_run_joins_the_loaded_rows(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for numbers in ((1, 2), (2, 3)):
        with archive.journal("run-1", "hill") as journal:
            for number in numbers:
                journal.append(fetch(number))
        (found,) = archive.journals()
        archive.settle(found)
    (kept,) = archive.journals(loaded=True)
    assert kept.fetches() == [fetch(1), fetch(2), fetch(3)]


def test_a_journal_is_found_by_its_crawl_as_among_all(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    assert archive.journal_of("run-1", "hill") is None
    with archive.journal("run-1", "hill") as journal:
        journal.append(fetch(1))
        assert archive.journal_of("run-1", "hill") is None, "a crawl still writes it"
    with archive.journal("run-1", "hill_2") as journal:
        journal.append(fetch(2))
    found = archive.journal_of("run-1", "hill")
    assert found is not None
    assert found in archive.journals()
    archive.settle(found)
    assert archive.journal_of("run-1", "hill") is None
    assert [one.site for one in archive.journals()] == ["hill_2"]
    # Not one loaded journal lies where those that are not are looked for.
    assert [one.name for one in archive.store.objects("journal")] == ["journal/run-1.hill_2.jsonl"]


def test_loaded_journals_of_earlier_versions_stay_loaded(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with archive.journal("run-1", "hill") as journal:
        journal.append(fetch(1))
    (found,) = archive.journals()
    archive.settle(found)
    (kept,) = archive.journals(loaded=True)
    kept.path.rename(tmp_path / "journal" / "run-1.hill.loaded.jsonl.gz")
    assert archive.journals() == []
    (kept,) = archive.journals(loaded=True)
    archive.settle(kept)
    assert kept.fetches() == [fetch(1)]
    with archive.journal("run-1", "hill") as journal:
        journal.append(fetch(2))
    (found,) = archive.journals()
    archive.settle(found)
    (kept,) = archive.journals(loaded=True)
    assert kept.fetches() == [fetch(1), fetch(2)], "joined and moved"


@pytest.mark.parametrize(("run", "site"), [("../run", "hill"), ("run", "a/b"), ("", "hill")])
def test_journal_names_stay_in_their_folder(tmp_path: Path, run: str, site: str) -> None:
    with pytest.raises(ValueError, match="journal name"), Archive(tmp_path).journal(run, site):
        pass


def test_rows_of_a_later_version_are_readable() -> None:
    row = fetch_to_row(fetch(1)) | {"added_later": 1}
    assert fetch_from_row(row) == fetch(1)


@pytest.mark.parametrize(
    ("body", "suffix"),
    [
        (BODY, ".pdf"),
        (b"<!DOCTYPE html><title>x</title>", ".html"),
        (b"<?xml version='1.0'?><datastore/>", ".xml"),
        (zipped("[Content_Types].xml", "word/document.xml"), ".docx"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), ".xlsx"),
        (zipped("OFD.xml"), ".ofd"),
        (zipped("x.pdf"), ".zip"),
        (b"Rar!\x1a\x07\x01\x00", ".rar"),
        ("收入支出决算总表".encode("gb18030"), ".txt"),
        (b"", ".bin"),
        (bytes(100), ".bin"),
    ],
)
def test_the_suffix_comes_from_the_bytes(tmp_path: Path, body: bytes, suffix: str) -> None:
    assert Archive(tmp_path).put(body)[1].endswith(suffix)


def test_every_type_has_a_suffix_of_its_own_or_none() -> None:
    suffixes = [suffix_of(kind) for kind in MediaType]
    named = [suffix for suffix in suffixes if suffix != ".bin"]
    assert len(named) == len(set(named))
    assert suffix_of("application/x-unheard-of") == ".bin"


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (MediaType.PDF, True),
        (MediaType.ZIP, True),
        (MediaType.ENCRYPTED_OFFICE, True),
        (MediaType.HTML, False),
        (MediaType.PNG, False),
        (MediaType.BINARY, False),
        (MediaType.EMPTY, False),
    ],
)
def test_what_a_list_may_lead_to(kind: MediaType, document: bool) -> None:
    assert is_document(kind) is document
