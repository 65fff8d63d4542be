"""A portal that does on purpose whatever portals do wrong, on raw sockets of the loopback.

Every path has a behaviour: a function that gets the connection and the request, and writes what it
likes. ``ARTICLES`` pairs each one that stands behind a link to a file with what must become of it.
"""

from __future__ import annotations

import gzip
import re
import socket
import struct
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import brotli
from backports import zstd

from connectors.records import FetchOutcome

CAP_BYTES = 3_000_000  # the size limit under which the portal is crawled
TIMEOUT_S = 2.5  # and the one on time


@dataclass(frozen=True)
class Asked:
    """A request as it was received; ``times`` counts those for its path, this one included."""

    path: str
    headers: Mapping[str, str]
    times: int


Behaviour = Callable[[socket.socket, Asked], None]


@dataclass(frozen=True)
class Behind:
    """What stands behind a link: how it is answered and what its row must say. ``genuine`` names
    the bodies that are disclosures."""

    answer: Behaviour
    outcome: FetchOutcome
    reason: str | None = None
    genuine: tuple[bytes, ...] = ()
    file_name: str | None = None


@dataclass
class Misbehaving:
    """The running portal. ``log`` has (path, time) of every request."""

    port: int
    log: list[tuple[str, float]] = field(default_factory=list)
    conditions: list[tuple[str, bool]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def times(self, path: str) -> list[float]:
        return [at for asked, at in self.log if asked == path]


# -- what answers are made of ------------------------------------------------------------------


def head(status: str = "200 OK", **headers: object) -> bytes:
    lines = [f"HTTP/1.1 {status}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("utf-8")


def whole(body: bytes, status: str = "200 OK", **headers: object) -> bytes:
    return head(status, Content_Length=len(body), **headers) + body


def sends(data: bytes) -> Behaviour:
    return lambda connection, asked: connection.sendall(data)


def in_turn(*answers: Behaviour) -> Behaviour:
    """The first request gets the first answer, the last one all that follow."""
    return lambda connection, asked: answers[min(asked.times, len(answers)) - 1](connection, asked)


def moved(location: str) -> Behaviour:
    return sends(head("302 Found", Content_Length=0, Location=location))


def packed(body: bytes, encoding: str) -> Behaviour:
    return sends(whole(body, Content_Encoding=encoding))


def page(body: str, title: str = "", charset: str = "utf-8", declared: str | None = None) -> bytes:
    text = (
        f'<html><head><meta charset="{declared or charset}"><title>{title}</title>'
        f'<meta name="ArticleTitle" content="{title}"></head><body>{body}</body></html>'
    )
    return text.encode(charset)


def drips(data: bytes, pause_s: float, piece: int = 1) -> Behaviour:
    def answer(connection: socket.socket, asked: Asked) -> None:
        for start in range(0, len(data), piece):
            connection.sendall(data[start : start + piece])
            time.sleep(pause_s)

    return answer


def resets(data: bytes) -> Behaviour:
    """Sends ``data`` and breaks the connection off."""

    def answer(connection: socket.socket, asked: Asked) -> None:
        connection.sendall(data)
        time.sleep(0.05)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return answer


def pours(start: bytes, piece: bytes) -> Behaviour:
    """Sends ``piece`` until nobody listens."""

    def answer(connection: socket.socket, asked: Asked) -> None:
        connection.sendall(start)
        for _ in range(100_000):
            connection.sendall(piece)

    return answer


# -- what stands behind the links to files ------------------------------------------------------


def behind_links(genuine: Callable[[str], bytes], base: str) -> dict[str, Behind]:
    """Behaviours by file name. ``genuine`` makes a disclosure that no other name has."""
    new, failed = FetchOutcome.NEW, FetchOutcome.FAILED
    refused, blocked = FetchOutcome.REFUSED, FetchOutcome.BLOCKED
    late = format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)
    bomb = bytes(5 * CAP_BYTES)
    error_page = page("<h1>您访问的页面不存在</h1><p>请返回首页</p>", "出错了")
    tables = "".join(f"<tr><td>30{i:02}</td><td>{i}.50</td></tr>" for i in range(20))
    saved = page(f"<table>{tables}</table>", "甲局2023年度部门决算公开表")
    big5 = page(f"<table>{tables}</table>", "决算", charset="gb18030", declared="utf-8")

    def good(name: str) -> bytes:
        return genuine(name)

    plain = {
        # time
        "slow-body.pdf": (drips(head(Content_Length=9999) + b"%PDF-1.7", 0.3), failed, "超时"),
        "slow-head.pdf": (drips(head(Content_Length=9999), 0.3), failed, "超时"),
        "silent.pdf": (lambda connection, asked: time.sleep(2 * TIMEOUT_S), failed, "超时"),
        # whole or not at all
        "short.pdf": (sends(head(Content_Length=9999) + b"%PDF-1.7 half"), failed, "不完整"),
        "reset.pdf": (resets(head(Content_Length=9999) + b"%PDF-1.7 half"), failed, "不完整"),
        "reset-head.pdf": (resets(b"HTTP/1.1 200 O"), failed, None),
        "unending.pdf": (
            lambda connection, asked: connection.sendall(
                head() + b"%PDF-1.7 half of it, cut here or there"[: -asked.times]
            ),
            failed,
            "不完整",
        ),
        "empty.pdf": (sends(whole(b"")), failed, "空文件"),
        "chunks-cut.pdf": (
            sends(head(Transfer_Encoding="chunked") + b"8\r\n%PDF-1.7\r\n"),
            failed,
            "不完整",
        ),
        "chunks-odd.pdf": (
            sends(head(Transfer_Encoding="chunked") + b"zz\r\n%PDF-1.7\r\n0\r\n\r\n"),
            failed,
            None,
        ),
        "no-http.pdf": (sends(b"220 ftp ready\r\n\r\n"), failed, None),
        "gzip-cut.pdf": (packed(gzip.compress(good("x"))[:-9], "gzip"), failed, "压缩内容损坏"),
        "gzip-none.pdf": (packed(good("x"), "gzip"), failed, "压缩内容损坏"),
        "br-cut.pdf": (packed(brotli.compress(good("x"))[:-9], "br"), failed, "压缩内容损坏"),
        # size
        "bomb-gzip.pdf": (packed(gzip.compress(bomb), "gzip"), refused, "超过大小上限"),
        "bomb-twice.pdf": (
            packed(gzip.compress(gzip.compress(bomb)), "gzip, gzip"),
            refused,
            "超过大小上限",
        ),
        "bomb-deflate.pdf": (packed(zlib.compress(bomb), "deflate"), refused, "超过大小上限"),
        "bomb-br.pdf": (packed(brotli.compress(bomb, quality=5), "br"), refused, "超过大小上限"),
        "bomb-zstd.pdf": (packed(zstd.compress(bomb), "zstd"), refused, "超过大小上限"),
        "layers.pdf": (packed(good("x"), "gzip, gzip, gzip, gzip"), refused, "超过大小上限"),
        "large.pdf": (sends(head(Content_Length=10**12) + b"%PDF-1.7"), refused, "超过大小上限"),
        "pours.pdf": (pours(head() + b"%PDF-1.7", bytes(65536)), refused, "超过大小上限"),
        "head-flood.pdf": (pours(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 500), refused, "应答头"),
        "cookie-flood.pdf": (
            sends(b"HTTP/1.1 200 OK\r\n" + b"Set-Cookie: a=%b\r\n" % (b"b" * 4000) * 40 + b"\r\n"),
            refused,
            "应答头",
        ),
        "long-line.pdf": (pours(b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 65536), failed, None),
        # not what was promised
        "soft-404.pdf": (sends(whole(error_page)), failed, "不含数据的网页（出错了）"),
        "text.pdf": (sends(whole(b"File not found")), failed, "不含数据的网页"),
        "gone.pdf": (sends(whole(b"gone", "404 Not Found")), failed, "HTTP 404"),
        "broken.pdf": (sends(whole(b"", "500 Oops")), failed, "HTTP 500"),
        "busy.pdf": (sends(whole(b"", "503 Busy", Retry_After="0")), failed, "HTTP 503"),
        "not-modified.pdf": (sends(head("304 Not Modified")), failed, "未附条件的请求得到 304"),
        # asking for a browser or for somebody else
        "acw.pdf": (
            sends(
                whole(b"<html><script>var arg1='0A';document.cookie='acw_sc__v2='</script></html>")
            ),
            blocked,
            "阿里云",
        ),
        "jsl.pdf": (
            sends(whole(b"<script>document.cookie='__jsl_clearance='</script>", "521 ", X="y")),
            blocked,
            "加速乐",
        ),
        "ruishu.pdf": (
            sends(whole(b"<html><script>$_ts=window['$_ts']</script></html>", "412 Failed")),
            blocked,
            "瑞数",
        ),
        "captcha.pdf": (
            sends(whole(page('<p>请输入验证码</p><img src="/captcha.jpg">'))),
            blocked,
            "验证码",
        ),
        "login.pdf": (
            sends(whole(b"", "401 Unauthorized", WWW_Authenticate="Basic")),
            blocked,
            "登录",
        ),
        # leading elsewhere
        "loop.pdf": (moved("./loop.pdf"), failed, "重定向次数过多"),
        "endless-loop.pdf": (
            lambda connection, asked: moved(f"{asked.path}x")(connection, asked),
            failed,
            "重定向次数过多",
        ),
        "file.pdf": (moved("file:///etc/passwd"), failed, "HTTP 302"),
        "neighbour.pdf": (moved("http://127.0.0.1:9/a.pdf"), refused, None),
        "stranger.pdf": (moved("http://stranger.example/a.pdf"), refused, "转向其他网站"),
        **{
            f"inside-{name}.pdf": (moved(f"http://{host}/a.pdf"), refused, "拒绝连接内部地址")
            for name, host in INSIDE.items()
        },
    }
    found = {
        name: Behind(answer, outcome, reason) for name, (answer, outcome, reason) in plain.items()
    }

    def body(name: str, **headers: Any) -> Behaviour:
        return sends(whole(good(name), **headers))

    fine: dict[str, Behaviour] = {
        "reset-once.pdf": in_turn(resets(head(Content_Length=99) + b"%"), body("reset-once.pdf")),
        "rest-seconds.pdf": in_turn(
            sends(whole(b"", "429 Too Many Requests", Retry_After="1")), body("rest-seconds.pdf")
        ),
        "rest-date.pdf": in_turn(
            sends(whole(b"", "503 Busy", Retry_After=late)), body("rest-date.pdf")
        ),
        "typed-wrong.pdf": body("typed-wrong.pdf", Content_Type="text/html; charset=gbk"),
        "no-length.pdf": sends(head() + good("no-length.pdf")),
        "gzip.pdf": packed(gzip.compress(good("gzip.pdf")), "gzip"),
        "raw-deflate.pdf": packed(zlib.compress(good("raw-deflate.pdf"))[2:-4], "deflate"),
        "zstd.pdf": packed(zstd.compress(good("zstd.pdf")), "zstd"),
        "drips-in-time.pdf": drips(
            whole(good("drips-in-time.pdf")), 0.01, len(good("drips-in-time.pdf")) // 20 + 1
        ),
        "cookies.pdf": sends(
            head(Content_Length=len(good("cookies.pdf"))).replace(
                b"Connection", b"Set-Cookie: a=b\r\n" * 200 + b"Connection"
            )
            + good("cookies.pdf")
        ),
        "chunks.pdf": sends(
            head(Transfer_Encoding="chunked")
            + b"%x\r\n%b\r\n0\r\n\r\n" % (len(good("chunks.pdf")), good("chunks.pdf"))
        ),
        "etag-changes.pdf": lambda connection, asked: connection.sendall(
            whole(good("etag-changes.pdf"), ETag=f'"{asked.times}"')
        ),
    }
    found |= {name: Behind(answer, new, genuine=(good(name),)) for name, answer in fine.items()}
    up = 'attachment; filename="../../../../etc/passwd.pdf"'
    found["path.pdf"] = Behind(
        body("path.pdf", Content_Disposition=up), new, None, (good("path.pdf"),), "passwd.pdf"
    )
    windows = "attachment; filename=..\\..\\windows\\a.pdf"
    found["path-too.pdf"] = Behind(
        body("path-too.pdf", Content_Disposition=windows),
        new,
        None,
        (good("path-too.pdf"),),
        "a.pdf",
    )
    # Always the same, so that is all there is; reading says what it lacks.
    endless = good("endless.pdf").rpartition(b"%%EOF")[0].replace(b"%%EOF", b"%%%OF")
    found["endless.pdf"] = Behind(sends(head() + endless), new, "按原样归档", (endless,))
    # Tables saved as a page, under the name of a workbook; once in another encoding than declared.
    found["saved.xls"] = Behind(sends(whole(saved)), new, None, (saved,))
    found["saved-gbk.xls"] = Behind(
        sends(whole(big5, Content_Type="text/html; charset=utf-8")), new, None, (big5,)
    )
    # A page where a file was promised, which leads to the file.
    landing = page('<a href="/files/behind-landing.pdf">点击下载 决算.pdf</a>', "下载")
    found["landing.pdf"] = Behind(sends(whole(landing)), failed, "不含数据的网页（下载）")
    found["behind-landing.pdf"] = Behind(
        body("behind-landing.pdf"), new, None, (good("behind-landing.pdf"),)
    )
    return found


#: Hosts inside, each listed as the site's own, so that the guard alone stands in the way.
INSIDE = {
    "metadata": "169.254.169.254",
    "private": "10.0.0.5",
    "carrier": "100.64.0.1",
    "decimal": "2130706433",
    "mapped": "[::ffff:10.0.0.5]",
    "nat64": "[64:ff9b::a00:5]",
    "unique-local": "[fd00::1]",
    "rebinding": "rebinding.example",
}


# -- the lists and articles in front of them ------------------------------------------------------


def portal_pages(behind: Mapping[str, Behind]) -> dict[str, Behaviour]:
    """All behaviours of the portal by path. No article holds two links of the same kind of
    trouble next to each other for long: the portal is bad, but up."""
    pages: dict[str, Behaviour] = {"/robots.txt": sends(whole(b"User-agent: *\nDisallow: /no/\n"))}
    entries = []
    linked = [name for name in behind if name != "behind-landing.pdf"]
    # Three challenges in a row would end the crawl of the host: they stand far apart.
    blocked = [name for name in linked if behind[name].outcome is FetchOutcome.BLOCKED]
    linked = [name for name in linked if name not in blocked]
    for place, name in enumerate(blocked):
        linked.insert(place * (len(linked) // len(blocked)), name)
    for number, name in enumerate(linked):
        title = f"第{number}局2023年度部门决算"
        path = f"/col/202409/t20240920_{number}.html"
        entries.append(f'<li><a href=".{path[4:]}">{title}</a><span>2024-09-20</span></li>')
        # Pages in an encoding that they do not declare are common, too.
        charset, declared = [("utf-8", None), ("gb18030", "utf-8"), ("utf-8", "gb2312")][number % 3]
        text = page(f'<a href="/files/{name}">{title}.{name[-3:]}</a>', title, charset, declared)
        header = {"Content_Type": f"text/html; charset={declared or charset}"}
        pages[path] = sends(whole(text, **header))
        pages[f"/files/{name}"] = behind[name].answer
    pages["/files/behind-landing.pdf"] = behind["behind-landing.pdf"].answer
    pages["/col/index.html"] = sends(whole(page(f"<ul>{''.join(entries)}</ul>")))
    return pages


ENDLESS = "createPageHTML(100000, {}, 'index', 'html');"


def numbered(path: str) -> int:
    """7 of ``/a/index_7.html``, 0 of ``/a/index.html``."""
    match = re.search(r"_(\d+)\.", path)
    return int(match[1]) if match else 0


def endless_pages() -> dict[str, Behaviour]:
    """Three lists without an end: every page the same, every page another day, every page empty."""
    row = '<li><a href="/same/t20240920_1.html">甲局2023年度部门决算</a></li>'
    script = f"<script>{ENDLESS.format(0)}</script>"

    def another(connection: socket.socket, asked: Asked) -> None:
        number = (
            int(asked.path.rpartition("_")[2].partition(".")[0] or 0) if "_" in asked.path else 0
        )
        day = datetime(2024, 1, 1, tzinfo=UTC) - timedelta(days=number)
        entry = f'<a href="/days/t{day:%Y%m%d}_{number}.html">{day:%Y年}部门决算{number}</a>'
        following = f'<a href="index_{number + 1}.html">下一页</a>'
        connection.sendall(whole(page(f"<ul><li>{entry}</li></ul>{following}")))

    def nothing(connection: socket.socket, asked: Asked) -> None:
        number = numbered(asked.path)
        connection.sendall(whole(page(f'<a href="index_{number + 1}.html">下一页</a>')))

    article = sends(whole(page("<p>本页没有附件</p>", "甲局2023年度部门决算")))
    return {
        "/robots.txt": sends(whole(b"")),
        "/same/t20240920_1.html": article,
        "/same/*": sends(whole(page(f"<ul>{row}</ul>{script}"))),
        "/days/t*": article,
        "/days/*": another,
        "/none/*": nothing,
    }


@contextmanager
def misbehaving(pages: Mapping[str, Behaviour]) -> Iterator[Misbehaving]:
    """Serve behaviours by path; one that ends in ``*`` stands for all that begin so."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    running = Misbehaving(listener.getsockname()[1])
    counts: Counter[str] = Counter()
    lock = threading.Lock()
    stopping = threading.Event()
    threads: list[threading.Thread] = []
    missing = sends(whole(b"<html>404</html>", "404 Not Found"))

    def find(path: str) -> Behaviour:
        if path in pages:
            return pages[path]
        starts = [key for key in pages if key.endswith("*") and path.startswith(key[:-1])]
        if starts:
            return pages[max(starts, key=len)]
        return next(
            (
                pages[key]
                for key in pages
                if key.endswith("endless-loop.pdf") and path.startswith(key)
            ),
            missing,
        )

    def serve(connection: socket.socket) -> None:
        try:
            connection.settimeout(10)
            data = b""
            while b"\r\n\r\n" not in data:
                piece = connection.recv(65536)
                if not piece:
                    return
                data += piece
            lines = data.decode("latin-1").split("\r\n")
            path = lines[0].split(" ")[1]
            headers = {
                name.strip().lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines[1:] if ":" in line)
            }
            with lock:
                counts[path] += 1
                running.log.append((path, time.monotonic()))
                running.conditions.append((path, "if-none-match" in headers))
            find(path)(connection, Asked(path, headers, counts[path]))
        except OSError:  # whoever asked has gone
            pass
        finally:
            connection.close()

    def accept() -> None:
        while not stopping.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=serve, args=(connection,), daemon=True)
            threads.append(thread)
            thread.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield running
    finally:
        stopping.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for thread in threads:
            thread.join(5)
