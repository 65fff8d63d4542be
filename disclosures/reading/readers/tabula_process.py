"""tabula in a process beside the one that reads: its crash or hang costs this reader alone.

A virtual machine that dies takes its process along, and one that hangs cannot be stopped from
within. Here both cost one document its second opinion. Besides, the first reader and the
narrative need not wait while tabula is at work.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from disclosures.reading.grids import PageGlyphs, PageText
from disclosures.reading.processes import end_with_parent, start_process
from disclosures.reading.readers.base import Extraction, UnreadableError
from disclosures.reading.readers.tabula_reader import TabulaReader

#: Seconds that one question may take, unless it is told otherwise.
LIMIT_S: Final = 60.0
#: The number of the answer that nobody asks for: the process has started.
_READY: Final = 0
_RESTART: Final = "，下一个文件将重新启动它"


@dataclass(frozen=True, slots=True)
class _Question:
    number: int
    method: str
    arguments: tuple[Any, ...]


class Pending:
    """The answer to a question that is being worked on."""

    def __init__(self, process: TabulaProcess, number: int | None, trouble: str | None) -> None:
        self._process = process
        self._number = number
        self._trouble = trouble

    def result(self) -> Any:
        """Wait for the answer.

        Raises:
            UnreadableError: the file cannot be read, or the process crashed or hung over it.
        """
        if self._number is None:
            raise UnreadableError(self._trouble or "")
        return self._process.wait_for(self._number)


class TabulaProcess:
    """:class:`TabulaReader` in a process of its own, which starts with the first question.

    One document at a time; questions are answered in their order.
    """

    name: Final = TabulaReader.name
    version: Final = TabulaReader.version
    stack: Final = TabulaReader.stack

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: Connection | None = None
        self._results: Connection | None = None
        self._asked = 0
        # The first question that the running process was asked.
        self._first = 1
        self._many = False
        self._limit_s = LIMIT_S
        atexit.register(self.close)

    def start(self, *, many: bool = False, limit_s: float = LIMIT_S) -> None:
        """Start the process unless it runs, for few documents or for ``many``, and wait until it
        is ready, so that no document pays for its start.

        ``limit_s`` is what one question may take, in seconds.

        Raises:
            UnreadableError: it does not get ready.
        """
        self._many, self._limit_s = many, limit_s
        running = self.pid
        try:
            self._ensure()
        except OSError as error:
            raise UnreadableError(f"tabula的进程无法启动：{error}") from error
        if self.pid != running:
            self._answer_to(_READY, LIMIT_S)

    @property
    def pid(self) -> int | None:
        """The running process, or None."""
        return None if self._process is None else self._process.pid

    def prepare(self, path: Path) -> None:
        """Have a file opened that is likely to be asked for next; nobody waits for it."""
        self._ask("prepare", path)

    def begin(self, path: Path, pages: Collection[int] | None = None) -> Pending:
        """Have the tables of these pages read while this process does something else."""
        return self._ask("read", path, pages)

    def read(self, path: Path, pages: Collection[int] | None = None) -> Extraction:
        """See :meth:`TabulaReader.read`."""
        read: Extraction = self.begin(path, pages).result()
        return read

    def read_texts(self, path: Path, count: int) -> tuple[PageText, ...]:
        """See :meth:`TabulaReader.read_texts`."""
        texts: tuple[PageText, ...] = self._ask("read_texts", path, count).result()
        return texts

    def read_glyphs(self, path: Path, pages: Collection[int]) -> tuple[PageGlyphs, ...]:
        """See :meth:`TabulaReader.read_glyphs`."""
        glyphs: tuple[PageGlyphs, ...] = self._ask("read_glyphs", path, pages).result()
        return glyphs

    def wait_for(self, number: int) -> Any:
        """The answer to one question; earlier ones that nobody waits for are passed over.

        Raises:
            UnreadableError: see :meth:`Pending.result`.
        """
        if number < self._first:
            raise UnreadableError("tabula的进程已经结束")
        return self._answer_to(number, self._limit_s)

    def _answer_to(self, number: int, limit_s: float) -> Any:
        process, results = self._process, self._results
        if process is None or results is None:
            raise UnreadableError("tabula的进程已经结束")
        until_s = time.monotonic() + limit_s
        while True:
            try:
                if not results.poll(max(0.0, until_s - time.monotonic())):
                    self.close()
                    raise UnreadableError(f"tabula读取超过{limit_s:g}秒{_RESTART}")
                answered, answer = pickle.loads(results.recv_bytes())
            except (EOFError, OSError) as error:
                ending = self._ending(process)
                self.close()
                raise UnreadableError(f"tabula的进程意外结束（{ending}）{_RESTART}") from error
            if answered != number:
                continue
            if isinstance(answer, UnreadableError):
                raise answer
            return answer

    def close(self) -> None:
        """End the process, if it runs; the next question starts another."""
        process, orders, results = self._process, self._orders, self._results
        self._process = self._orders = self._results = None
        if process is None or orders is None or results is None:
            return
        process.kill()
        process.wait()
        orders.close()
        results.close()

    def _ask(self, method: str, *arguments: Any) -> Pending:
        self._asked += 1
        question = _Question(self._asked, method, arguments)
        try:
            self._ensure().send_bytes(pickle.dumps(question))
        except OSError as error:
            self.close()
            return Pending(self, None, f"tabula的进程无法启动：{error}")
        return Pending(self, question.number, None)

    def _ensure(self) -> Connection:
        # One that died between two documents is replaced.
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._orders is None:
            arguments = [str(os.getpid()), *(["many"] if self._many else [])]
            self._first = self._asked
            self._process, self._orders, self._results = start_process(
                f"{__name__}:serve", arguments, stderr=subprocess.DEVNULL, own_group=False
            )
        return self._orders

    @staticmethod
    def _ending(process: subprocess.Popen[bytes]) -> str:
        try:
            code = process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "不再响应"
        return f"信号{-code}" if code < 0 else f"退出码{code}"


def serve() -> None:
    """Body of the process: takes questions from one pipe and puts answers into the other."""
    orders = Connection(int(sys.argv[1]), writable=False)
    results = Connection(int(sys.argv[2]), readable=False)
    threading.Thread(target=end_with_parent, args=(int(sys.argv[3]),), daemon=True).start()
    # Ctrl-C is for the parent, whose end closes the pipes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reader = TabulaReader()
    # A failure shows again, as its reason, at the first question.
    with contextlib.suppress(UnreadableError):
        reader.start(many="many" in sys.argv[4:])
    with contextlib.suppress(OSError):
        results.send_bytes(pickle.dumps((_READY, None)))
    while True:
        try:
            question: _Question = pickle.loads(orders.recv_bytes())
        except (EOFError, OSError):
            break
        answer: Any
        try:
            answer = getattr(reader, question.method)(*question.arguments)
        except UnreadableError as error:
            answer = error
        except MemoryError:
            answer = UnreadableError("tabula内存不足")
        # As in the parent: whatever a library raises over a hostile file is this file's reason.
        except Exception as error:
            answer = UnreadableError(f"tabula读取失败（{type(error).__name__}: {error}）"[:300])
        try:
            results.send_bytes(pickle.dumps((question.number, answer), pickle.HIGHEST_PROTOCOL))
        except OSError:
            break
    # The virtual machine needs no orderly end.
    os._exit(0)
