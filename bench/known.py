"""What a night costs in memory when the archive knows 2,000 or 20,000 documents of a site.

    python -m bench.known                 # nights that ask for 40 of them
    python -m bench.known --asked 0.9     # nights that ask for nine tenths, answered with 304

A portal on loopback, a warehouse and an archive that know the documents, and one night after the
other: a crawl with all that the warehouse keeps of it, each in processes of its own. Prints the
peak resident memory of either process in every night.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench import loopback
from bench.crawl import CrawlPeak

ROOT: Final = Path(__file__).parents[1]
_ON_PAGE: Final = 50


def body_of(number: int) -> bytes:
    return b"%%PDF-1.7\n%d\n%%%%EOF\n" % number


def tag_of(number: int) -> str:
    return f'"{number:x}"'


@contextmanager
def portal(listed: int) -> Iterator[tuple[int, list[int]]]:
    """A column of ``listed`` files; yields the port and the answers with a body and without."""
    answers = [0, 0]
    pages = max(1, -(-listed // _ON_PAGE))

    class Handler(loopback.Handler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body, tag = 404, b"", None
            if match := re.fullmatch(r"/bmjs/2024/t(\d+)\.pdf", self.path):
                number = int(match[1])
                tag = tag_of(number)
                status = 304 if self.headers.get("If-None-Match") == tag else 200
                body = body_of(number) if status == 200 else b""
            elif match := re.fullmatch(r"/bmjs/index(?:_(\d+))?\.html", self.path):
                page = int(match[1] or 0)
                rows = "".join(
                    f'<li><a href="./2024/t{n}.pdf">第{n}局2023年度部门决算.pdf</a>'
                    "<span>2024-09-20</span></li>"
                    for n in range(page * _ON_PAGE, min((page + 1) * _ON_PAGE, listed))
                )
                pager = f'<script>createPageHTML({pages}, {page}, "index", "html");</script>'
                text = f"<html><head><meta charset=utf-8></head><ul>{rows}</ul>{pager}</html>"
                status, body = 200, text.encode()
            answers[status == 304] += 1
            self.send_response(status)
            if tag is not None:
                self.send_header("ETag", tag)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with loopback.serving(Handler) as port:
        yield port, answers


def workspace(data: Path, port: int) -> Any:
    from connectors.sites import Column, Site
    from flows import steps
    from flows.settings import Settings

    work = steps.Workspace(Settings(data=data))
    site = Site(
        key="bench",
        name="示例",
        region="示例市",
        family="trs_static",
        columns=(Column(url=f"http://127.0.0.1:{port}/bmjs/index.html", what="部门决算"),),
        allow_loopback=True,
        delay_s=0,
    )
    work.__dict__["sites"] = {site.key: site}
    return work


def _start_run(work: Any) -> str:
    from warehouse import load

    return load.start_run(
        work.engine,
        kind="nightly",
        parameters={},
        code_version="0",
        ruleset="0",
        reader_version="0",
    )


def fill(data: Path, port: int, known: int) -> None:
    """Earlier nights: the archive and the warehouse know ``known`` documents."""
    from connectors.records import Fetch, FetchOutcome, FetchRole
    from warehouse import load

    work = workspace(data, port)

    def fetches() -> Iterator[Fetch]:
        for number in range(known):
            body = body_of(number)
            sha256 = hashlib.sha256(body).hexdigest()
            path = data / "archive" / sha256[:2] / f"{sha256}.pdf"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)  # not as a crawl does: nothing here has to survive
            yield Fetch(
                site="bench",
                url=f"http://127.0.0.1:{port}/bmjs/2024/t{number}.pdf",
                role=FetchRole.DOCUMENT,
                outcome=FetchOutcome.NEW,
                fetched_at=datetime.now(UTC),
                status=200,
                sha256=sha256,
                media_type="application/pdf",
                size_bytes=len(body),
                etag=tag_of(number),
                found_on=f"http://127.0.0.1:{port}/bmjs/index.html",
                link_text=f"第{number}局2023年度部门决算.pdf",
                published_on="2024-09-20",
            )

    load.save_fetches(work.engine, _start_run(work), fetches(), work.archive)


def night(data: Path, port: int) -> dict[str, Any]:
    """One crawl."""
    from flows import steps

    work = workspace(data, port)
    run = _start_run(work)
    began = time.monotonic()
    outcome = steps.crawl(work, run, "bench", None)
    return {
        "documents": outcome.documents,
        "failed": outcome.failed,
        "partial": outcome.partial,
        "seconds": round(time.monotonic() - began, 1),
    }


def _stage(stage: str, data: Path, port: int, known: int) -> tuple[Any, CrawlPeak]:
    command = [sys.executable, "-m", "bench.known", "--stage", stage, str(data), str(port)]
    with (
        subprocess.Popen(
            [*command, str(known)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        ) as process,
        CrawlPeak(process.pid, every_s=0.05) as peak,
    ):
        told, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{stage} ended with {process.returncode}")
    return json.loads(told), peak


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--known", type=int, nargs="+", default=[2000, 20_000])
    parser.add_argument("--asked", type=float, help="share that the night asks for; else 40")
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--stage", nargs=4, help=argparse.SUPPRESS)
    given: Any = parser.parse_args(arguments)
    if given.stage:
        stage, data, port, known = given.stage
        if stage == "fill":
            fill(Path(data), int(port), int(known))
            print("{}")
        else:
            print(json.dumps(night(Path(data), int(port)), ensure_ascii=False))
        return 0
    lowest: list[tuple[float, float]] = []
    for known in given.known:
        listed = 40 if given.asked is None else int(known * given.asked)
        peaks = []
        with (
            tempfile.TemporaryDirectory(prefix="juesuan-known-") as name,
            portal(listed) as running,
        ):
            port, answers = running
            _stage("fill", Path(name), port, known)
            for _ in range(given.nights):
                told, peak = _stage("night", Path(name), port, known)
                peaks.append((peak.own_mib, peak.mib))
                print(
                    f"{known} known, {listed} listed: run {peak.own_mib:.1f} MiB, crawl "
                    f"{peak.mib:.1f} MiB; {told}; bodies {answers[0]}, 304 {answers[1]}",
                    flush=True,
                )
        lowest.append((min(run for run, _ in peaks), min(crawl for _, crawl in peaks)))
    for what, first, last in zip(("run", "crawl"), lowest[0], lowest[-1], strict=True):
        print(f"{what}: {first:.1f} -> {last:.1f} MiB ({last - first:+.1f}), lowest of each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
