from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from disclosures.reading import pdf
from disclosures.reading.document import read_document
from disclosures.reading.readers.base import UnreadableError
from disclosures.reading.readers.tabula_process import TabulaProcess
from disclosures.reading.readers.tabula_reader import TabulaReader
from disclosures.reading.workers import ReaderPool
from disclosures.rendering import render
from disclosures.rendering.synthetic import synthetic_figures


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tabula") / "accounts.pdf"
    path.write_bytes(render(synthetic_figures(7), "guangdong_2019", "pdf"))
    return path


@pytest.fixture
def tabula(monkeypatch: pytest.MonkeyPatch) -> Iterator[TabulaProcess]:
    """A process of the test's own, which reading uses."""
    process = TabulaProcess()
    monkeypatch.setattr(pdf, "_TABULA", process)
    yield process
    process.close()
    assert process.pid is None


def ends(pid: int) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.05)
    return False


def children_of(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_it_sees_what_the_reader_sees(accounts: Path, tabula: TabulaProcess) -> None:
    pages = range(4, 9)
    seen = TabulaReader().read(accounts, pages)
    assert seen.grids
    assert tabula.read(accounts, pages) == seen
    assert tabula.read_texts(accounts, 5) == TabulaReader().read_texts(accounts, 5)
    assert tabula.read_glyphs(accounts, [4]) == TabulaReader().read_glyphs(accounts, [4])


def test_what_was_prepared_is_what_is_read(
    accounts: Path, tmp_path: Path, tabula: TabulaProcess
) -> None:
    seen = tabula.read(accounts, range(4, 9))
    tabula.prepare(accounts)
    assert tabula.read(accounts, range(4, 9)) == seen
    # Another file in its place, and another place.
    path = tmp_path / "other.pdf"
    path.write_bytes(render(synthetic_figures(6), "guangdong_2019", "pdf"))
    tabula.prepare(path)
    path.write_bytes(accounts.read_bytes())
    assert tabula.read(path, range(4, 9)) == seen
    tabula.prepare(path)
    assert tabula.read(accounts, range(4, 9)) == seen
    tabula.prepare(tmp_path / "missing.pdf")
    assert tabula.read(accounts, range(4, 9)) == seen


def test_a_file_that_it_cannot_open_is_the_files_fault(
    tmp_path: Path, accounts: Path, tabula: TabulaProcess
) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 and nothing else")
    with pytest.raises(UnreadableError, match="tabula无法打开文件"):
        tabula.read(broken)
    pid = tabula.pid
    assert tabula.read(accounts, range(4, 9)).grids
    assert tabula.pid == pid


def test_its_crash_costs_one_document_its_second_opinion(
    accounts: Path, tabula: TabulaProcess
) -> None:
    whole = read_document(accounts)
    assert all("tabula" in fact.readers for fact in whole.facts if fact.agreed)
    pid = tabula.pid
    assert pid is not None
    # Stopped, it takes the question and is killed over it.
    os.kill(pid, signal.SIGSTOP)
    begun = tabula.begin(accounts, [4])
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(UnreadableError, match=f"意外结束（信号{signal.SIGKILL.value}）"):
        begun.result()
    assert ends(pid)
    # Nor does anybody wait for what the dead process was asked.
    with pytest.raises(UnreadableError, match="已经结束"):
        begun.result()
    assert read_document(accounts).facts == whole.facts


def test_its_hang_costs_one_document_its_second_opinion(
    accounts: Path, tabula: TabulaProcess
) -> None:
    whole = read_document(accounts)
    pid = tabula.pid
    assert pid is not None
    tabula.start(limit_s=1.0)
    os.kill(pid, signal.SIGSTOP)
    alone = read_document(accounts)
    assert ends(pid)
    assert any("tabula读取超过1秒" in note for note in alone.notes)
    # The third reader bears out the first.
    assert [(f.key, f.amount_wan, f.agreed) for f in alone.facts] == [
        (f.key, f.amount_wan, f.agreed) for f in whole.facts
    ]
    assert {"tabula"} & {name for fact in alone.facts for name in fact.readers} == set()
    tabula.start()
    assert read_document(accounts).facts == whole.facts


def test_one_that_died_between_documents_is_replaced(accounts: Path, tabula: TabulaProcess) -> None:
    whole = read_document(accounts)
    pid = tabula.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    again = read_document(accounts)
    assert again.facts == whole.facts
    assert again.notes == whole.notes


def test_it_ends_with_its_worker(accounts: Path) -> None:
    with ReaderPool(1) as pool:
        [(_, reading)] = pool.read([accounts])
        assert all("tabula" in fact.readers for fact in reading.facts if fact.agreed)
        [worker] = [
            pid
            for pid in children_of(os.getpid())
            if b"reading.workers" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        [beside] = children_of(worker)
        assert b"tabula_process" in Path(f"/proc/{beside}/cmdline").read_bytes()
    assert ends(beside)


def test_it_ends_when_its_worker_is_killed(accounts: Path) -> None:
    with ReaderPool(1) as pool:
        assert len(dict(pool.read([accounts]))) == 1
        [worker] = [
            pid
            for pid in children_of(os.getpid())
            if b"reading.workers" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        [beside] = children_of(worker)
        os.kill(worker, signal.SIGKILL)
        assert ends(beside)
