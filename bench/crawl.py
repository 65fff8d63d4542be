"""How much a night asks of portals, and what it costs: ``python -m bench.crawl``.

Serves portals of known documents on addresses of the loopback, one address a portal, and crawls
them twice with everything that a real night does to a site (its known URLs looked up, its crawl
process, archive and journal, its fetches loaded into a warehouse), but for the pause between
requests, which would be all that is measured: a first night, then one on which some documents are
new. Prints what was asked for, what was sent, how long it took and the memory that it took.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import random
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

PER_PAGE: Final = 20
_MIB: Final = 1024 * 1024


# -- the portals ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Portals:
    """What is published: ``documents`` a portal, and after the first night some more."""

    documents: int
    document_bytes: int

    def count(self, night: int, new: int) -> int:
        return self.documents + (new if night > 1 else 0)

    def answer(self, portal: int, path: str, count: int) -> bytes | None:
        """The body at a path, or None; ``count`` documents are there now."""
        if path == "/robots.txt":
            return b"User-agent: *\nDisallow: /search/\n"
        if match := re.fullmatch(r"/bmjs/index(?:_(\d+))?\.html", path):
            return self._list(int(match[1] or 0), count)
        if match := re.fullmatch(r"/bmjs/\d+/t\d+_(\d+)\.html", path):
            return self._article(int(match[1])) if int(match[1]) < count else None
        if match := re.fullmatch(r"/files/(\d+)\.pdf", path):
            return self._document(portal, int(match[1])) if int(match[1]) < count else None
        return None

    def paths(self) -> Iterator[tuple[str, str, str | None, str | None]]:
        """Path, role, where it was found and text of the link, of all that is there at first."""
        yield "/robots.txt", "robots", None, None
        for page in range(-(-self.documents // PER_PAGE)):
            path = f"/bmjs/index_{page}.html" if page else "/bmjs/index.html"
            yield path, "list", "/bmjs/index.html", None
        for number in range(self.documents):
            day = self._day(number)
            place = self.documents - 1 - number
            on = f"/bmjs/index_{place // PER_PAGE}.html".replace("index_0.", "index.")
            article = f"/bmjs/{day:%Y%m}/t{day:%Y%m%d}_{number}.html"
            title = f"第{number}局2023年度部门决算"
            yield article, "article", on, title
            yield f"/files/{number}.pdf", "document", article, f"{title}.pdf"

    def _day(self, number: int) -> date:
        """What is new was published today, what was there some months ago."""
        if number >= self.documents:
            return datetime.now(UTC).date()
        return datetime.now(UTC).date() - timedelta(days=100 + number % 300)

    def _list(self, page: int, count: int) -> bytes | None:
        pages = -(-count // PER_PAGE)
        if page >= pages:
            return None
        newest = list(range(count - 1, -1, -1))[page * PER_PAGE : (page + 1) * PER_PAGE]
        rows = "".join(
            f'<li><a href="./{day:%Y%m}/t{day:%Y%m%d}_{number}.html">第{number}局2023年度部门决算'
            f"</a><span>{day}</span></li>"
            for number in newest
            for day in [self._day(number)]
        )
        pager = f'<script>createPageHTML({pages}, {page}, "index", "html");</script>'
        return f"<html><meta charset=utf-8><ul>{rows}</ul>{pager}</html>".encode()

    def _article(self, number: int) -> bytes:
        title = f"第{number}局2023年度部门决算"
        return (
            f'<html><head><meta charset="utf-8"><meta name="ArticleTitle" content="{title}">'
            f'<meta name="PubDate" content="{self._day(number)}"></head><body>'
            f"<p>{'决算公开说明。' * 200}</p>"
            f'<a href="/files/{number}.pdf">{title}.pdf</a></body></html>'
        ).encode()

    def _document(self, portal: int, number: int) -> bytes:
        seed = random.Random(portal * 100_003 + number)
        return b"%PDF-1.7\n" + seed.randbytes(self.document_bytes) + b"\n%%EOF\n"


def address_of(portal: int) -> str:
    """An address of its own for every portal; 127.0.0.1 is left to others."""
    return f"127.77.{portal // 250}.{portal % 250 + 1}"


@dataclass
class Server:
    """The portals, served by a process of their own; it tells what it answered."""

    process: subprocess.Popen[str]
    port: int

    def ask(self, command: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@contextmanager
def served(portals: int, documents: int, document_bytes: int) -> Iterator[Server]:
    command = [sys.executable, "-m", "bench.crawl", "--serve"]
    command += ["--portals", str(portals), "--documents", str(documents)]
    command += ["--document-bytes", str(document_bytes)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield Server(process, int(process.stdout.readline()))
        finally:
            process.kill()


async def serve(portals: int, offered: Portals) -> None:
    """Answers on all addresses; ``night N NEW`` on standard input begins a night, ``tell`` asks for
    the counts of the night so far."""
    counts: Counter[str] = Counter()
    new_of: Counter[int] = Counter()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        local = writer.get_extra_info("sockname")[0].split(".")
        portal = int(local[2]) * 250 + int(local[3]) - 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                path = lines[0].split(" ")[1]
                count = offered.documents + new_of[portal]
                body = offered.answer(portal, path, count)
                status = "200 OK" if body is not None else "404 Not Found"
                tag = tag_of(body or b"")
                if body is not None and f"if-none-match: {tag}" in head.decode("latin-1").lower():
                    status, body = "304 Not Modified", None
                kind = (
                    "lists"
                    if "/index" in path
                    else "robots"
                    if path == "/robots.txt"
                    else "documents"
                    if path.endswith(".pdf")
                    else "articles"
                )
                number = re.search(r"(\d+)\.(?:pdf|html)$", path)
                if kind in ("documents", "articles") and number is not None:
                    kind += " known" if int(number[1]) < offered.documents else " new"
                counts[kind] += 1
                counts[f"{kind} bodies"] += body is not None
                counts["bytes"] += len(body or b"")
                length = (
                    "" if status.startswith("304") else f"Content-Length: {len(body or b'')}\r\n"
                )
                writer.write(f"HTTP/1.1 {status}\r\nETag: {tag}\r\n{length}\r\n".encode())
                writer.write(body or b"")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    addresses = [address_of(portal) for portal in range(portals)]
    with socket.create_server((addresses[0], 0)) as probe:
        port = probe.getsockname()[1]
    server = await asyncio.start_server(answer, host=addresses, port=port)
    print(port, flush=True)
    loop = asyncio.get_running_loop()
    async with server:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            words = line.split()
            if words[0] == "new":
                counts.clear()
                new_of.update(Counter(map(int, words[1:])))
            print(
                " ".join(f"{name.replace(' ', '_')}={n}" for name, n in counts.items()), flush=True
            )


# -- the nights -------------------------------------------------------------------------------


@dataclass
class Night:
    """What a night asked for and took."""

    seconds: float
    asked: Mapping[str, int]
    child_mib: float
    parent_mib: float
    documents: int
    failed: list[str] = field(default_factory=list)


class CrawlPeak:
    """The largest resident set that any crawl of a process had, and the process itself, looked up
    while they run. (What the system tells of children that have ended counts what their parent
    had when it started them.)"""

    def __init__(self, parent: int, every_s: float = 0.2) -> None:
        self.mib = 0.0
        self.own_mib = 0.0
        self._parent = parent
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> CrawlPeak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(self._every_s):
            self.own_mib = max(self.own_mib, _resident_mib(self._parent, "VmHWM"))
            for path in Path("/proc").glob("[0-9]*"):
                try:
                    if b"connectors.child" not in (path / "cmdline").read_bytes():
                        continue
                    parent = re.search(r"PPid:\t(\d+)", (path / "status").read_text())
                except OSError:
                    continue
                if parent and int(parent[1]) == self._parent:
                    self.mib = max(self.mib, _resident_mib(int(path.name), "VmHWM"))


def _resident_mib(process: int, name: str) -> float:
    try:
        found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


def sites_at(port: int, portals: int, documents: int) -> dict[str, Any]:
    from connectors.sites import Column, Site

    return {
        site.key: site
        for site in (
            Site(
                key=f"bench_{portal}",
                name=f"门户{portal}",
                region="示例市",
                family="trs_static",
                columns=(
                    Column(
                        url=f"http://{address_of(portal)}:{port}/bmjs/index.html", what="部门决算"
                    ),
                ),
                allow_loopback=True,
                delay_s=0,
                min=documents,
            )
            for portal in range(portals)
        )
    }


def write_first_night(work: Any, server: Server, offered: Portals, portals: int) -> None:
    """The first night's bodies and fetches as a crawl leaves them, without one."""
    from connectors.records import Fetch, FetchOutcome, FetchRole
    from flows import steps
    from warehouse import load

    with steps.recorded_run(work, "nightly", {}) as run:
        for portal in range(portals):
            base = f"http://{address_of(portal)}:{server.port}"

            def fetches(portal: int = portal, base: str = base) -> Iterator[Fetch]:
                for path, role, found_on, text in offered.paths():
                    body = offered.answer(portal, path, offered.documents) or b""
                    sha256, _ = work.archive.put(body)
                    yield Fetch(
                        f"bench_{portal}",
                        base + path,
                        FetchRole(role),
                        FetchOutcome.NEW,
                        datetime.now(UTC),
                        status=200,
                        sha256=sha256,
                        media_type="application/pdf" if role == "document" else "text/html",
                        size_bytes=len(body),
                        etag=tag_of(body),
                        found_on=base + found_on if found_on else None,
                        link_text=text,
                        article_title=text and text.removesuffix(".pdf"),
                    )

            load.save_fetches(work.engine, run.run_id, fetches(), work.archive)


def tag_of(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'


def crawl_night(work: Any, server: Server, new_at: list[int], jobs: int) -> Night:
    """One night over all sites, as the nightly flow has it but without Prefect."""
    from flows import steps

    server.ask("new " + " ".join(map(str, new_at)))
    failed: list[str] = []
    documents = 0
    begun = time.perf_counter()
    with (
        CrawlPeak(os.getpid()) as peak,
        steps.recorded_run(work, "nightly", {}) as run,
        ThreadPoolExecutor(jobs) as pool,
    ):
        for outcome in pool.map(
            lambda key: steps.crawl(work, run.run_id, key, None), list(work.sites)
        ):
            documents += outcome.documents
            if outcome.failed:
                failed.append(f"{outcome.site}: {outcome.failed}")
    seconds = time.perf_counter() - begun
    told = dict(pair.split("=") for pair in server.ask("tell").split())
    asked = {name: int(count) for name, count in told.items()}
    return Night(seconds, asked, peak.mib, peak.own_mib, documents, failed)


def report(name: str, night: Night, known: int, lists: int) -> None:
    asked = night.asked
    kinds = (
        "robots",
        "lists",
        "articles_known",
        "articles_new",
        "documents_known",
        "documents_new",
    )
    requests = sum(asked.get(kind, 0) for kind in kinds)
    print(f"\n{name}: {night.seconds:.1f} s, {night.documents} documents found")
    print("  requests        " + ", ".join(f"{kind} {asked.get(kind, 0)}" for kind in kinds))
    print(
        f"  per second      {requests / night.seconds:.1f} requests, "
        f"{night.documents / night.seconds:.1f} documents"
    )
    print(f"  bytes of bodies {asked.get('bytes', 0):,}")
    print(
        f"  peak memory     {night.child_mib:.0f} MiB a crawl process, "
        f"{night.parent_mib:.0f} MiB whoever starts them"
    )
    print(f"  requests per list page {asked.get('lists', 0) / lists:.3f}")
    if known:
        of_known = asked.get("articles_known", 0) + asked.get("documents_known", 0)
        print(
            f"  requests per known document {of_known / known:.3f} (with robots.txt "
            f"{(of_known + asked.get('robots', 0)) / known:.3f})"
        )
        again = asked.get("documents_known_bodies", 0) + asked.get("articles_known_bodies", 0)
        print(f"  bodies of known documents and articles sent again {again}")
    for reason in night.failed[:5]:
        print(f"  FAILED {reason}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portals", type=int, default=500)
    parser.add_argument("--documents", type=int, default=40, help="of one portal")
    parser.add_argument("--document-bytes", type=int, default=20_000)
    parser.add_argument("--new", type=float, default=1.0, help="per cent new on the second night")
    parser.add_argument("--jobs", type=int, default=8, help="sites crawled at once")
    parser.add_argument(
        "--warehouse", default="", help="URL; SQLite in the scratch folder if empty"
    )
    parser.add_argument("--scratch", type=Path, help="where archive and warehouse are laid out")
    parser.add_argument(
        "--written", action="store_true", help="write the first night instead of crawling it"
    )
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2
        )
        offered = Portals(given.documents, given.document_bytes)
        asyncio.run(serve(given.portals, offered))
        return 0

    from flows import steps
    from flows.settings import Settings

    total = given.portals * given.documents
    count_new = max(round(total * given.new / 100), 1)
    chosen = random.Random(1).choices(range(given.portals), k=count_new)
    lists = given.portals * -(-given.documents // PER_PAGE)
    grown = Counter(chosen)
    lists_after = sum(
        -(-(given.documents + grown.get(portal, 0)) // PER_PAGE) for portal in range(given.portals)
    )
    with (
        tempfile.TemporaryDirectory(dir=given.scratch, prefix="bench-crawl-") as folder,
        served(given.portals, given.documents, given.document_bytes) as server,
    ):
        found, failed = total, list[str]()
        work = steps.Workspace(Settings(data=Path(folder), warehouse=given.warehouse))
        work.sites = sites_at(server.port, given.portals, given.documents)
        print(
            f"{given.portals} portals of {given.documents} documents of {given.document_bytes} "
            f"bytes, {given.jobs} sites at once, {os.cpu_count()} processors"
        )
        if given.written:
            offered = Portals(given.documents, given.document_bytes)
            write_first_night(work, server, offered, given.portals)
        else:
            first = crawl_night(work, server, [], given.jobs)
            report("First night", first, 0, lists)
            found, failed = first.documents, first.failed
        second = crawl_night(work, server, chosen, given.jobs)
        report(f"Night with {count_new} new", second, total, lists_after)
        work.engine.dispose()
    right = found == total and second.documents == total + count_new
    again = second.asked.get("documents_known_bodies", 0) + second.asked.get(
        "articles_known_bodies", 0
    )
    print("\nevery document found" if right else "\nDOCUMENTS ARE MISSING")
    return 0 if right and not again and not failed + second.failed else 1


if __name__ == "__main__":
    sys.exit(main())
