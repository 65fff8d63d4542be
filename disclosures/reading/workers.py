"""Reading many documents in worker processes that may crash or be killed.

Every crawled file is hostile until read, and a native parser or the Java virtual machine takes
its process along when it dies. So each document is read in a process of its own pool: a crash,
a hang or a flood of memory costs that one document the reader that was at work, without which it
is read again, or else the document, which gets a row with the reason. Archives are unpacked in
processes of their own likewise.
"""

from __future__ import annotations

import contextlib
import faulthandler
import hashlib
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from disclosures.model import DocumentKind, Reading
from disclosures.reading import at_work
from disclosures.reading.containers import Contents, Member, members
from disclosures.reading.processes import end_with_parent, rss_mb, start_process
from disclosures.reading.readers.base import UnreadableError

_POLL_S: Final = 0.1
# How long after the limit a worker ends itself when nobody is left to end it.
_GRACE_S: Final = 10.0
_START_S: Final = 60.0
# Memory that a worker may reserve (heap of the Java virtual machine, stacks) beyond what it uses.
_RESERVED_MB: Final = 768
# From this many documents a worker on, full compilation in Java pays (docs/measurements.md).
_MANY: Final = 150


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may cost. ``rss_mb`` is the whole worker's resident memory in MiB,
    with that of tabula's process beside it (together about 500 MiB)."""

    wall_s: float = 120.0
    #: on top of ``wall_s`` for scans, whose pages take seconds each
    scan_s: float = 900.0
    rss_mb: int = 3072
    max_pages: int = 1000
    max_bytes: int = 256 * 2**20
    documents_per_worker: int = 500


@dataclass(frozen=True, slots=True)
class _MoreTime:
    """A worker's word that its document is a scan."""

    seconds: float


@dataclass(frozen=True, slots=True)
class _AtWork:
    """A worker's word that a reader begins, or ("") that it has ended."""

    reader: str


@dataclass(frozen=True, slots=True)
class _Order:
    """A document to be read, without the readers that it was lost over, each with how."""

    path: Path
    left_out: Mapping[str, str] = field(default_factory=dict)


class ReaderPool:
    """Worker processes that read documents; use it as a context manager.

    Workers start when the first documents come and keep their Java virtual machine warm.
    Leaving the context ends them all. One thread at a time may read from a pool. ``expected`` is
    how many documents are to come, as far as that is known: it decides for how long the machines
    compile, nothing else.
    """

    def __init__(self, jobs: int, limits: Limits = Limits(), *, expected: int = 0) -> None:
        if jobs < 1:
            raise ValueError(f"a pool needs at least one worker, not {jobs}")
        self._jobs = jobs
        self._limits = limits
        self._many = expected >= _MANY * jobs
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all workers; the pool cannot be used afterwards."""
        self._closed = True
        for workers in (self._idle, self._busy):
            while workers:
                workers.pop().kill()

    def read(self, paths: Iterable[Path]) -> Generator[tuple[Path, Reading], None, None]:
        """Read documents and yield each as it finishes, in any order.

        Raises:
            RuntimeError: the pool is closed, or workers cannot be started on this machine.
        """
        if self._closed:
            raise RuntimeError("the pool is closed")
        queue = map(_Order, paths)
        again: deque[_Order] = deque()
        busy = self._busy
        done: deque[tuple[Path, Reading]] = deque()
        try:
            while not self._closed:
                while len(busy) < self._jobs:
                    order = again.popleft() if again else next(queue, None)
                    if order is None:
                        break
                    worker = self._free_worker()
                    busy.append(worker)
                    worker.begin(order)
                if not busy:
                    return
                wait([worker.connection for worker in busy], _POLL_S)
                for worker in list(busy):
                    reading = worker.result()
                    if reading is None:
                        continue
                    busy.remove(worker)
                    if worker.lost_over is None:
                        done.append((worker.path, reading))
                    else:
                        again.append(worker.lost_over)
                    if worker.usable:
                        self._idle.append(worker)
                    else:
                        worker.kill()
                while done:
                    yield done.popleft()
        finally:
            # The consumer may stop early: what is being read is given up.
            while busy:
                busy.pop().kill()

    def _free_worker(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.usable:
                return worker
            worker.kill()
        return _Worker(self._limits, many=self._many)


class _Worker:
    """One worker process, seen from its parent."""

    def __init__(self, limits: Limits, *, many: bool) -> None:
        self._limits = limits
        self._served = 0
        self._started_s = time.monotonic()
        self._alive = True
        self._ready = False
        self._granted_s = 0.0
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        self._order = _Order(Path())
        self._at_work = ""
        #: what is to be read again without the reader that this worker was lost over
        self.lost_over: _Order | None = None
        self._process, self._orders, self.connection = start_process(
            "disclosures.reading.workers:serve",
            [
                str(limits.max_pages),
                str(limits.wall_s),
                str(limits.max_bytes),
                str(limits.scan_s),
                str(limits.rss_mb),
                str(os.getpid()),
                *(["many"] if many else []),
            ],
            stderr=self._stderr,
            # Ctrl-C reaches the parent alone, which then ends its workers in order.
            own_group=True,
        )

    @property
    def usable(self) -> bool:
        """Whether the worker may take another document."""
        return (
            self._alive
            # Out of memory, a system may have ended it while it was idle.
            and self._process.poll() is None
            and self._served < self._limits.documents_per_worker
            # What a document leaves behind must not count against the next one.
            and rss_mb(self._process.pid) < self._limits.rss_mb / 2
        )

    @property
    def path(self) -> Path:
        return self._order.path

    def begin(self, order: _Order) -> None:
        self._order = order
        self._at_work = ""
        self._granted_s = 0.0
        if self._ready:
            self._started_s = time.monotonic()
        # A worker that died while idle shows at result().
        with contextlib.suppress(BrokenPipeError):
            self._orders.send_bytes(pickle.dumps(order))

    def result(self) -> Reading | None:
        """The reading, or why there is none; None while the worker is at it.

        Raises:
            RuntimeError: no worker can be started here.
        """
        elapsed_s = time.monotonic() - self._started_s
        try:
            if self.connection.poll():
                message = pickle.loads(self.connection.recv_bytes())
                if isinstance(message, Reading):
                    self._served += 1
                    return message
                if isinstance(message, _AtWork):
                    self._at_work = message.reader
                    return None
                if isinstance(message, _MoreTime):
                    self._granted_s = min(message.seconds, self._limits.scan_s)
                    return None
                self._ready = True
                self._started_s = time.monotonic()
                return None
        except (EOFError, OSError):
            self._demand_ready()
            return self._lost(f"读取进程意外结束（{self._ending()}）", elapsed_s)
        limits = self._limits
        wall_s = limits.wall_s + self._granted_s
        if elapsed_s > (wall_s if self._ready else _START_S):
            self._demand_ready()
            return self._lost(f"读取超过{wall_s:g}秒", elapsed_s)
        if rss_mb(self._process.pid) > limits.rss_mb:
            return self._lost(f"读取占用内存超过{limits.rss_mb} MB", elapsed_s)
        return None

    def kill(self) -> None:
        """End the process and wait until it is gone."""
        self._alive = False
        # The worker leads a group of its own: what it started ends with it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self.connection.close()
        self._orders.close()
        self._stderr.close()

    def _demand_ready(self) -> None:
        """A worker that never came up tells of this installation, not of the document.

        Raises:
            RuntimeError: it did not come up, with what it said last.
        """
        if not self._ready:
            self._process.kill()
            self._process.wait()
            self._stderr.seek(0)
            said = self._stderr.read().decode("utf-8", "replace").strip()
            raise RuntimeError(f"reader processes cannot be started: {said[-2000:] or 'no answer'}")

    def _lost(self, reason: str, elapsed_s: float) -> Reading:
        self._alive = False
        if self._at_work:
            left_out = {**self._order.left_out, self._at_work: reason}
            self.lost_over = _Order(self.path, left_out)
        return Reading(
            sha256=_sha256(self.path),
            media_type="application/octet-stream",
            kind=DocumentKind.UNREADABLE,
            reason=f"{reason}，请人工查阅，或放宽限制后重读",
            seconds=round(elapsed_s, 3),
        )

    def _ending(self) -> str:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "不再响应"
        return f"信号{-code}" if code < 0 else f"退出码{code}"


def serve() -> None:
    """Body of a worker process: reads paths from one pipe, writes readings to the other."""
    there_r, there_w, max_pages = (int(number) for number in sys.argv[1:4])
    wall_s, max_bytes, scan_s = float(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6])
    orders = Connection(there_r, writable=False)
    results = Connection(there_w, readable=False)
    # Named by the parent: it may be gone already.
    threading.Thread(target=end_with_parent, args=(int(sys.argv[8]),), daemon=True).start()

    from disclosures.reading.document import PAGE_S, read_document, warm_up
    from disclosures.reading.readers.tabula_process import LIMIT_S

    # A table reader that hangs is given up before the document is.
    warm_up(many="many" in sys.argv[9:], reader_s=min(LIMIT_S, wall_s / 2))
    _limit_memory(int(sys.argv[7]))
    results.send_bytes(pickle.dumps("ready"))
    # From here on the parent wants readings; what libraries print may be endless.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    while True:
        try:
            order: _Order = pickle.loads(orders.recv_bytes())
        except (EOFError, OSError):
            break
        # Native code may hang with the interpreter's lock held and the parent may be gone: this
        # timer runs outside the interpreter and ends the process.
        faulthandler.dump_traceback_later(wall_s + _GRACE_S, exit=True, file=sys.stderr)

        def ask_for_time(pages: int) -> None:
            seconds = min(pages * PAGE_S, scan_s)
            results.send_bytes(pickle.dumps(_MoreTime(seconds)))
            faulthandler.dump_traceback_later(
                wall_s + seconds + _GRACE_S, exit=True, file=sys.stderr
            )

        def tell(reader: str) -> None:
            results.send_bytes(pickle.dumps(_AtWork(reader)))

        with at_work.watched(tell, order.left_out):
            reading = read_document(
                order.path, max_pages=max_pages, max_bytes=max_bytes, on_scan=ask_for_time
            )
        faulthandler.cancel_dump_traceback_later()
        try:
            results.send_bytes(pickle.dumps(reading))
        except OSError:
            break
    # Neither the Java virtual machine nor native libraries need an orderly end.
    os._exit(0)


def unpacked(path: Path, limits: Limits = Limits()) -> Contents:
    """The files in a container, see :func:`disclosures.reading.containers.members`, taken out by
    a process that is killed when it takes too long or too much memory, or when it crashes.

    Raises:
        UnreadableError: it was killed or crashed, or the container cannot be opened.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from disclosures.reading.workers import unpack; unpack()",
                *(str(path), name, str(limits.wall_s), str(limits.rss_mb), str(os.getpid())),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,
        )
        try:
            _await(process, limits)
        finally:
            # It leads a group of its own: what it started to unpack ends with it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()
        if process.returncode:
            raise UnreadableError(f"解压进程意外结束（{process.returncode}），请人工查阅")
        told = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        if told["error"]:
            raise UnreadableError(told["error"])
        found = [
            Member(label, (folder / str(number)).read_bytes())
            for number, label in enumerate(told["members"])
        ]
        return Contents(found, told["notes"])


_INDEX: Final = "index.json"


def _await(process: subprocess.Popen[bytes], limits: Limits) -> None:
    started_s = time.monotonic()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_POLL_S)
            return
        if time.monotonic() - started_s > limits.wall_s:
            raise UnreadableError(f"解压超过{limits.wall_s:g}秒，请人工查阅，或放宽限制后重读")
        if rss_mb(process.pid) > limits.rss_mb:
            raise UnreadableError(f"解压占用内存超过{limits.rss_mb} MB，请人工查阅")


def unpack() -> None:
    """Body of a process that unpacks one container into a folder; the list of members, which
    is written last, tells their labels. Names of the files are numbers, never labels."""
    path, folder = Path(sys.argv[1]), Path(sys.argv[2])
    threading.Thread(target=end_with_parent, args=(int(sys.argv[5]),), daemon=True).start()
    faulthandler.dump_traceback_later(float(sys.argv[3]) + _GRACE_S, exit=True)
    _limit_memory(int(sys.argv[4]))
    told: dict[str, object] = {"members": [], "notes": [], "error": None}
    try:
        contents = members(path)
        for number, member in enumerate(contents.members):
            (folder / str(number)).write_bytes(member.body)
        told |= {"members": [m.name for m in contents.members], "notes": contents.notes}
    except UnreadableError as error:
        told["error"] = str(error)
    except MemoryError:
        told["error"] = "内存不足，未能解压"
    (folder / _INDEX).write_text(json.dumps(told), encoding="utf-8")


def _limit_memory(rss_mb: int) -> None:
    """Let allocations fail beyond the limit: memory is taken faster than the parent looks, and a
    ``MemoryError`` leaves the worker alive. The slack is for what is reserved and never used."""
    wanted = (rss_mb + _RESERVED_MB) * 2**20
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or wanted < hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
