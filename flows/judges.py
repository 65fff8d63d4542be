"""Judging batches in worker processes while whoever asked saves the verdicts.

Judging is pure: a batch goes in by the identifiers of its disclosures, verdicts come out, and only
the parent writes. So a worker that is killed costs its batch a second try and nothing else.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from expectations.catalogue import load_catalogue
from expectations.judge import JudgedBatch, judge_batch
from warehouse.database import connect
from warehouse.stored_batches import load_batch

#: How often a batch may lose its worker before it is given up.
_TRIES: Final = 3
#: Batches after which a worker is replaced, so that whatever it did not give back ends with it.
_BATCHES_PER_WORKER: Final = 4


class Judges:
    """Worker processes that judge named batches of disclosures in their order; use it as a
    context manager.

    At most ``jobs`` batches are under way or wait to be fetched, which bounds memory however many
    there are.
    """

    def __init__(
        self, warehouse_url: str, batches: Mapping[str, Sequence[str]], *, jobs: int
    ) -> None:
        self._url = warehouse_url
        self._jobs = jobs
        self._waiting = dict(batches)
        self._begun: dict[str, tuple[Sequence[str], Future[JudgedBatch]]] = {}
        self._lost: Counter[str] = Counter()
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._jobs,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start,
            max_tasks_per_child=_BATCHES_PER_WORKER,
        )

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
        """End all workers, also those at work."""
        workers = list((self._pool._processes or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.join()

    def __contains__(self, name: object) -> bool:
        return name in self._waiting or name in self._begun

    def judged(self, name: str) -> JudgedBatch:
        """The verdicts on a batch, once; the pool forgets it.

        Raises:
            KeyError: no such batch, or its verdicts were fetched before.
            RuntimeError: the batch ended its worker again and again.
        """
        if name not in self:
            raise KeyError(name)
        while True:
            try:
                self.begin(first=name)
                judged = self._begun[name][1].result()
            except BrokenProcessPool as error:
                self._lost[name] += 1
                if self._lost[name] == _TRIES:
                    del self._begun[name]
                    raise RuntimeError(
                        f"batch {name} ended its worker {_TRIES} times; a smaller `batch` in the"
                        " settings needs less memory"
                    ) from error
                self._start_again()
                continue
            except BaseException:
                self._begun.pop(name, None)
                raise
            del self._begun[name]
            self.begin()
            return judged

    def begin(self, first: str | None = None) -> None:
        """Set idle workers to the next batches, or to this one before others."""
        if first in self._waiting:
            self._submit(first, self._waiting.pop(first))
        while self._waiting and len(self._begun) < self._jobs:
            name = next(iter(self._waiting))
            self._submit(name, self._waiting.pop(name))

    def _submit(self, name: str, ids: Sequence[str]) -> None:
        try:
            self._begun[name] = (ids, self._pool.submit(_judge, self._url, list(ids), name))
        except BrokenProcessPool:
            self._waiting = {name: ids, **self._waiting}
            raise

    def _start_again(self) -> None:
        """Another pool: one lost worker takes the others of its pool along. What was finished
        stays; what was not begins anew."""
        self.close()
        self._pool = self._new_pool()
        lost = {
            name: ids
            for name, (ids, future) in self._begun.items()
            if not future.done() or future.cancelled() or future.exception() is not None
        }
        for name in lost:
            del self._begun[name]
        self._waiting = lost | self._waiting


def _start() -> None:
    # Interrupts are the parent's to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _judge(warehouse_url: str, ids: list[str], name: str) -> JudgedBatch:
    engine = connect(warehouse_url)
    try:
        batch = load_batch(engine, ids)
    finally:
        engine.dispose()
    # The equations hold all cells of the batch, and nobody asks for them here.
    return replace(judge_batch(batch, load_catalogue(), batch_name=name), equations=None)
