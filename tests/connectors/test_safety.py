from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from portal import Reply, portal
from test_crawl import article, by_path, crawl, list_page, site_of, three_documents
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from connectors.archive import Archive
from connectors.crawl import user_agent
from connectors.engine import run_crawl
from connectors.orders import CrawlOrder, Limits
from connectors.records import Fetch, FetchOutcome, FetchRole
from connectors.safety import AddressPolicy, BlockedAddressError, GuardedReactor, url_refusal
from connectors.sites import Column, Site

#: Addresses that lead inside, each in the spellings that have fooled filters.
INSIDE = {
    "loopback": ["127.0.0.1", "127.255.255.254", "::1", "0.0.0.0", "::"],
    "private": ["10.0.0.5", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd00::1", "fec0::1"],
    "link-local": ["169.254.169.254", "fe80::1", "fe80::1%eth0"],
    "carrier": ["100.64.0.1", "100.127.255.255"],
    "mapped": ["::ffff:127.0.0.1", "::ffff:10.0.0.5", "::ffff:a9fe:a9fe", "::10.0.0.5"],
    "translated": ["64:ff9b::a00:5", "64:ff9b:1::a00:5", "2002:a00:5::", "2002:7f00:1::"],
    "special": ["192.0.0.8", "198.18.0.1", "203.0.113.7", "224.0.0.1", "240.0.0.1", "ff02::1"],
    "no address": ["localhost", "example.com", "2130706433", "0x7f.1", ""],
}


@pytest.mark.parametrize(
    "address", [address for addresses in INSIDE.values() for address in addresses]
)
def test_no_address_inside_passes(address: str) -> None:
    assert AddressPolicy().refusal(address, 80) is not None


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "114.114.114.114", "2400:3200::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_pass(address: str) -> None:
    assert AddressPolicy().refusal(address, 80) is None


def test_the_loopback_is_open_on_the_given_port_only() -> None:
    policy = AddressPolicy(frozenset({8123}))
    assert policy.refusal("127.0.0.1", 8123) is None
    assert policy.refusal("127.0.0.1", 8124) is not None
    assert policy.refusal("10.0.0.5", 8123) is not None
    assert policy.refusal("169.254.169.254", 8123) is not None


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/a",
        "gopher://example.com/",
        "http:///nohost",
        "http://user:secret@example.com/",
        "http://example.com:99999/",
        "http://[::1",
        "javascript:alert(1)",
        "",
    ],
)
def test_urls_that_are_never_requested(url: str) -> None:
    assert url_refusal(url) is not None


# -- a whole crawl on a connection layer that connects nowhere ------------------------------


class RecordingReactor(GuardedReactor):
    """Answers in memory; writes down every address that passed the guard."""

    approved: list[tuple[str, int]]
    refused: list[tuple[str, int]]
    answers: dict[str, bytes]

    def connectTCP(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().connectTCP(host, port, *args, **kwargs)
        except BlockedAddressError:
            self.refused.append((host, port))
            raise

    def open_connection(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        self.approved.append((host, port))
        factory = args[0]
        protocol = factory.buildProtocol(IPv4Address("TCP", host, port))
        self.callLater(0, protocol.makeConnection, MemoryTransport(self, protocol))


class MemoryTransport(StringTransport):
    """A server's side of a connection: reads a request, writes the answer of a table."""

    def __init__(self, reactor: RecordingReactor, protocol: Any) -> None:
        super().__init__()
        self._reactor = reactor
        self._peer = protocol

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def write(self, data: bytes) -> None:
        super().write(data)
        request = self.value()
        if b"\r\n\r\n" not in request:
            return
        self.clear()
        path = request.split(b" ")[1].decode()
        answer = self._reactor.answers.get(path, b"HTTP/1.1 404 Not Found\r\n\r\n")
        self._reactor.callLater(0, self._peer.dataReceived, answer)
        self._reactor.callLater(0, self._peer.connectionLost, Failure(ConnectionDone()))

    def abortConnection(self) -> None:
        return

    def loseConnection(self, *args: Any) -> None:
        return


def _page(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n" + body


def _moved(location: str) -> bytes:
    return (
        b"HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: "
        + location.encode()
        + b"\r\n\r\n"
    )


TARGETS = {
    "loopback": "http://127.0.0.1/a.pdf",
    "metadata": "http://169.254.169.254/latest/meta-data/a.pdf",
    "private": "http://10.0.0.5:8080/a.pdf",
    "decimal": "http://2130706433/a.pdf",
    "short": "http://127.1/a.pdf",
    "name": "http://localhost/a.pdf",
    "mapped": "http://[::ffff:10.0.0.5]/a.pdf",
    "twice": "http://8.8.8.8/hop",
}
PUBLIC = "8.8.8.8"


def crawl_in_memory(root: Path, result: Path) -> None:
    """Runs in a process of its own."""
    reactors: list[RecordingReactor] = []
    links = "".join(f'<a href="/{name}.pdf">{name}.pdf</a>' for name in TARGETS)
    row = '<li><a href="/t20240920_1.html">决算</a></li>'.encode()

    class Reactor(RecordingReactor):
        def __init__(self, *args: Any) -> None:
            self.approved, self.refused = [], []
            self.answers = {
                "/robots.txt": _page(b""),
                "/": _page(row),
                "/t20240920_1.html": _page(links.encode()),
                "/hop": _moved("http://192.168.0.1/b.pdf"),
                **{f"/{name}.pdf": _moved(target) for name, target in TARGETS.items()},
            }
            reactors.append(self)
            super().__init__(*args)

    hosts = ("127.0.0.1", "169.254.169.254", "10.0.0.5", "2130706433", "127.1", "localhost")
    site = Site(
        key="memory",
        name="内存",
        region="示例市",
        family="trs_static",
        columns=(Column(url=f"http://{PUBLIC}/", what="决算"),),
        # Listed as the site's own, so that nothing but the guard stands in the way.
        hosts=(*hosts, "::ffff:10.0.0.5", "::ffff:a00:5", "192.168.0.1"),
        delay_s=0,
    )
    order = CrawlOrder(
        site, Archive(root), "run", {}, None, 200.0, Limits(retries=0), user_agent("")
    )
    fetches: list[Fetch] = []
    closed = run_crawl(order, fetches.append, Reactor)
    (reactor,) = reactors
    result.write_text(
        json.dumps(
            {
                "closed": closed,
                "approved": reactor.approved,
                "refused": reactor.refused,
                "fetches": [(f.url, f.role, f.outcome, f.reason, f.final_url) for f in fetches],
            }
        )
    )


def in_child(target: Callable[..., None], *args: Any) -> None:
    process = multiprocessing.get_context("spawn").Process(target=target, args=args)
    process.start()
    process.join(300)
    if process.is_alive():
        process.kill()
    assert process.exitcode == 0


def test_redirects_to_addresses_inside_connect_nowhere(tmp_path: Path) -> None:
    in_child(crawl_in_memory, tmp_path / "archive", tmp_path / "result.json")
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["closed"] == "finished"
    assert {host for host, _ in result["approved"]} == {PUBLIC}
    rows = {
        url.rpartition("/")[2].removesuffix(".pdf"): (outcome, reason)
        for url, role, outcome, reason, _ in result["fetches"]
        if role == FetchRole.DOCUMENT
    }
    assert set(rows) == set(TARGETS)
    assert {outcome for outcome, _ in rows.values()} == {FetchOutcome.REFUSED}, rows
    for name, (_, reason) in rows.items():
        assert "内部地址" in reason, (name, reason)
    assert {"127.0.0.1", "169.254.169.254", "10.0.0.5", "192.168.0.1"} <= {
        host for host, _ in result["refused"]
    }


# -- and on real sockets ---------------------------------------------------------------------


def test_a_portal_on_the_loopback_cannot_send_us_to_its_neighbours(tmp_path: Path) -> None:
    with portal({"/secret.pdf": Reply(b"%PDF-1.7 secret")}) as neighbour:
        replies = three_documents()
        replies["/bmjs/202409/t20240920_1.html"] = article(
            ("./P02024.pdf", "甲局决算.pdf"), (neighbour.url + "/secret.pdf", "邻居.pdf")
        )
        replies["/bmjs/202409/P02024.pdf"] = Reply(
            b"", 302, {"Location": neighbour.url + "/secret.pdf"}
        )
        with portal(replies) as running:
            rows = by_path(crawl(site_of(running), tmp_path), running)
        assert neighbour.log == []
    assert rows["/bmjs/202409/P02024.pdf"].outcome is FetchOutcome.REFUSED
    assert rows[neighbour.url + "/secret.pdf"].outcome is FetchOutcome.SKIPPED


def test_a_site_without_leave_does_not_reach_the_loopback(tmp_path: Path) -> None:
    with portal({"/": list_page()}) as running:
        site = Site(
            key="foreign",
            name="外部",
            region="示例市",
            family="trs_static",
            columns=(Column(url=f"{running.url}/", what="决算"),),
            delay_s=0,
        )
        result = crawl(site, tmp_path)
        assert running.log == []
    assert "内部地址" in (result.failed or "")
    assert {fetch.outcome for fetch in result.fetches} == {FetchOutcome.REFUSED}
