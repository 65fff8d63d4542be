"""The crawl process: ``python -m connectors.child FD`` reads a pickled order from its standard
input and sends (kind, payload) pairs to the pipe FD, whose other end :mod:`connectors.crawl`
holds. A process of its own, not one of :mod:`multiprocessing`, which would first import whatever
program started the crawl.
"""

from __future__ import annotations

import logging
import os
import pickle
import select
import sys
import threading
from multiprocessing.connection import Connection

from connectors.engine import run_crawl
from connectors.orders import CrawlOrder
from connectors.records import Fetch


class _PipeHandler(logging.Handler):
    """Sends warnings to the parent, whose terminal may show progress bars."""

    def __init__(self, sender: Connection) -> None:
        super().__init__(logging.WARNING)
        self._sender = sender

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._sender.send(("log", (record.levelno, self.format(record))))
        except OSError:  # the parent is gone; the next fetch ends the crawl
            return


def _end_with_listener(pipe: int) -> None:
    """End the crawl as soon as nobody holds the other end: it may wait for a host for minutes
    before it has anything to say."""
    listener = select.poll()
    listener.register(pipe, 0)  # errors alone: a pipe without a reader is one
    listener.poll()
    os._exit(3)


def main() -> None:
    sender = Connection(int(sys.argv[1]), readable=False)
    if hasattr(select, "poll"):
        watch = threading.Thread(target=_end_with_listener, args=(sender.fileno(),), daemon=True)
        watch.start()
    root = logging.getLogger()
    root.handlers[:] = [_PipeHandler(sender)]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    order: CrawlOrder = pickle.load(sys.stdin.buffer)

    def send(fetch: Fetch) -> None:
        try:
            sender.send(("fetch", fetch))
        except OSError:
            # Nobody listens any more: the parent was killed. The journal keeps what was done.
            os._exit(3)

    try:
        closed = run_crawl(order, send)
    except Exception as error:  # the process ends here: the parent makes it a failed crawl
        logging.getLogger(__name__).exception("crawl failed")
        closed = f"{type(error).__name__}: {error}"
    sender.send(("closed", closed))
    sender.close()


if __name__ == "__main__":
    main()
