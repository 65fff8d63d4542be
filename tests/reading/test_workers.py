from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from disclosures.model import DocumentKind, Reading
from disclosures.reading.workers import Limits, ReaderPool
from disclosures.rendering import render
from disclosures.rendering.synthetic import synthetic_figures

ACCOUNTS = """某市某局2023年度部门决算
第一部分 部门概况
第二部分 2023年度部门决算表
一般公共预算财政拨款支出决算表
公开05表
部门：某市某局\t\t\t\t单位：万元
科目编码\t科目名称\t本年支出合计\t基本支出\t项目支出
\t合计\t100.50\t60.25\t40.25
208\t社会保障和就业支出\t30.00\t30.00\t0.00
213\t农林水支出\t70.50\t30.25\t40.25
"""


@pytest.fixture
def documents(tmp_path: Path) -> list[Path]:
    paths = []
    for number in range(6):
        path = tmp_path / f"{number}.txt"
        path.write_text(ACCOUNTS.replace("某市", f"第{number}市"), encoding="utf-8")
        paths.append(path)
    return paths


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A document that keeps a reader busy for minutes: a deep pile of tables."""
    path = tmp_path / "slow.html"
    row = "<tr>" + "<td>收入支出决算总表 1.00</td>" * 40 + "</tr>"
    path.write_text(
        f"<html><body><h1>某市某局2023年度部门决算</h1>{('<table>' + row * 60 + '</table>') * 500}",
        encoding="utf-8",
    )
    return path


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    yield
    wait_until(lambda: workers_of(os.getpid()) == [], "no worker is left")


def wait_until(holds: Callable[[], object], what: str) -> None:
    """Wait for what comes in its time, however busy the machine is."""
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def state(pid: int) -> tuple[str, float]:
    """A process's state letter (X if it is gone) and the processor time that it has had, in
    seconds."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "X", 0.0
    return fields[0], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def workers_of(parent: int) -> list[int]:
    """Worker processes among the children of a process."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == parent and b"disclosures.reading.workers" in command:
            found.append(int(entry.name))
    return found


def test_documents_are_read_by_warm_workers(documents: list[Path], tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.pdf"
    garbage.write_bytes(b"%PDF-1.7 garbage")
    with ReaderPool(2) as pool:
        first = dict(pool.read(documents[:4]))
        pids = sorted(workers_of(os.getpid()))
        second = dict(pool.read([*documents[4:], garbage]))
        assert sorted(workers_of(os.getpid())) == pids
    assert len(pids) == 2
    assert set(first) | set(second) == {*documents, garbage}
    assert second.pop(garbage).kind is DocumentKind.UNREADABLE
    assert all(r.kind is DocumentKind.FINAL_ACCOUNTS for r in (first | second).values())
    assert all(len(r.facts) == 9 for r in (first | second).values())
    with pytest.raises(RuntimeError, match="closed"):
        next(pool.read(documents))


def test_hang_costs_one_document(documents: list[Path], slow: Path) -> None:
    # The others take hundredths of a second; a busy machine may stretch that a lot.
    with ReaderPool(1, Limits(wall_s=8.0)) as pool:
        readings = dict(pool.read([documents[0], slow, documents[1]]))
    assert readings[slow].kind is DocumentKind.UNREADABLE
    assert "超过8秒" in (readings[slow].reason or "")
    assert len(readings[slow].sha256) == 64
    assert len(readings[documents[1]].facts) == 9


def test_crash_costs_one_document(documents: list[Path], slow: Path) -> None:
    with ReaderPool(1) as pool:
        stream = pool.read([documents[0], slow, documents[1]])
        readings: dict[Path, Reading] = dict([next(stream)])
        [pid] = workers_of(os.getpid())
        rested_s = state(pid)[1]

        def kill_at_work() -> None:
            # Until the next document comes it rests.
            wait_until(lambda: state(pid)[1] > rested_s + 0.3, "the worker is at work")
            os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill_at_work)
        killer.start()
        readings |= dict(stream)
        killer.join()
    assert readings[slow].kind is DocumentKind.UNREADABLE
    assert f"信号{signal.SIGKILL.value}" in (readings[slow].reason or "")
    assert len(readings[documents[1]].facts) == 9


def test_worker_that_dies_while_idle_costs_nothing(documents: list[Path]) -> None:
    with ReaderPool(1) as pool:
        assert len(dict(pool.read(documents[:1]))) == 1
        [pid] = workers_of(os.getpid())
        os.kill(pid, signal.SIGKILL)
        # Its first thread is a zombie before its others have ended: ask as the pool does.
        waitable = os.WEXITED | os.WNOHANG | os.WNOWAIT
        wait_until(lambda: os.waitid(os.P_PID, pid, waitable) is not None, "the worker is dead")
        [(_, reading)] = pool.read(documents[1:2])
    assert len(reading.facts) == 9


def test_memory_limit_costs_one_document(slow: Path) -> None:
    with ReaderPool(1, Limits(rss_mb=60)) as pool:
        [(_, reading)] = pool.read([slow])
    assert reading.kind is DocumentKind.UNREADABLE
    assert "内存" in (reading.reason or "")


def test_large_file_is_refused(documents: list[Path]) -> None:
    with ReaderPool(1, Limits(max_bytes=100)) as pool:
        [(_, reading)] = pool.read(documents[:1])
    assert reading.kind is DocumentKind.UNREADABLE
    assert "超过上限100字节" in (reading.reason or "")
    assert len(reading.sha256) == 64


def test_consumer_that_stops_early_leaves_no_worker_at_work(
    documents: list[Path], slow: Path
) -> None:
    with ReaderPool(2) as pool:
        stream = pool.read([slow, *documents])
        path, _ = next(stream)
        assert path != slow
        stream.close()
        assert len(dict(pool.read(documents))) == len(documents)


def test_leaving_the_pool_ends_workers_at_work(documents: list[Path], slow: Path) -> None:
    with ReaderPool(2) as pool:
        stream = pool.read([slow, *documents])
        next(stream)
    assert workers_of(os.getpid()) == []
    assert list(stream) == []


def test_workers_end_when_their_parent_is_killed(slow: Path) -> None:
    script = f"""
        from pathlib import Path
        from disclosures.reading.workers import ReaderPool
        with ReaderPool(1) as pool:
            print("ready", flush=True)
            list(pool.read([Path({str(slow)!r})] * 50))
    """
    root = Path(__file__).resolve().parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=root, stdout=subprocess.PIPE
    )
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        wait_until(lambda: workers_of(parent.pid), "a worker has started")
        pids = workers_of(parent.pid)
    finally:
        parent.kill()
        parent.communicate()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "workers ended")


def test_workers_that_cannot_start_are_no_verdict_on_documents(
    documents: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # An interpreter in which the readers cannot be imported.
    (tmp_path / "tablers.py").write_text("raise ImportError('no tablers here')", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with (
        ReaderPool(1) as pool,
        pytest.raises(RuntimeError, match=r"cannot be started[\s\S]*no tablers here"),
    ):
        list(pool.read(documents))


def test_machines_compile_longer_for_many_documents(documents: list[Path]) -> None:
    """Workers whose Java virtual machine runs all compiler tiers read the same."""
    readings = []
    for expected in (6, 300):
        with ReaderPool(2, expected=expected) as pool:
            readings.append(dict(pool.read(documents)))
            orders = [
                Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[-2]
                for pid in workers_of(os.getpid())
            ]
        assert {order == b"many" for order in orders} == {expected == 300}
    few, many = readings
    assert {p: r.facts for p, r in few.items()} == {p: r.facts for p, r in many.items()}


CRASHING = {
    "tablers": {
        "tablers.py": """
            import os, signal
            __version__ = "0"
            class TfSettings:
                def __init__(self, **settings): pass
            class Document:
                def __init__(self, path): os.kill(os.getpid(), signal.SIGSEGV)
        """
    },
    "pdfplumber": {
        "pdfplumber/__init__.py": """
            import os, signal
            def open(path): os.kill(os.getpid(), signal.SIGSEGV)
        """,
        "pdfplumber/utils/__init__.py": "",
        "pdfplumber/utils/exceptions.py": "class PdfminerException(Exception): pass",
    },
}


@pytest.mark.parametrize("reader", CRASHING)
def test_crash_of_a_reader_costs_one_document_that_reader(
    reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = synthetic_figures(6)
    # A sum that does not hold: the third reader is asked.
    assert figures.forms.f05 is not None
    total = {**figures.forms.f05.total, "total": "9999.99"}
    f05 = figures.forms.f05.model_copy(update={"total": total})
    wrong = figures.model_copy(update={"forms": figures.forms.model_copy(update={"f05": f05})})
    path = tmp_path / "accounts.pdf"
    path.write_bytes(render(wrong, "guangdong_2019", "pdf"))
    with ReaderPool(1) as pool:
        [(_, whole)] = pool.read([path])
    assert any(reader in fact.readers for fact in whole.facts)
    for name, source in CRASHING[reader].items():
        module = tmp_path / "crashing" / name
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(textwrap.dedent(source), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "crashing"))
    with ReaderPool(1) as pool:
        [(_, without)] = pool.read([path])
    told = f"未用{reader}读取本文件：读取进程意外结束（信号{signal.SIGSEGV.value}）"
    assert [note for note in without.notes if told in note]
    assert without.kind is DocumentKind.FINAL_ACCOUNTS

    def read(reading: Reading) -> dict[object, object]:
        return {f.key: (f.amount_wan, f.state, f.agreed) for f in reading.facts}

    assert read(without) == read(whole)
    assert not any(reader in fact.readers for fact in without.facts)
