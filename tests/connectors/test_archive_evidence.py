"""Every fetch keeps what proves it: requests on the wire, addresses, times, TLS."""

from __future__ import annotations

import dataclasses
import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificate
from portal import Reply, portal
from test_crawl import article, by_path, crawl, list_page, self_signed, site_of, three_documents

from connectors.archive import Archive, fetch_from_row, fetch_to_row
from connectors.records import FetchOutcome
from connectors.sites import Quirk


def test_a_redirected_fetch_keeps_each_hop(tmp_path: Path) -> None:
    replies = {
        "/bmjs/index.html": list_page(
            ("./202409/t20240920_1.html", "甲局2023年度部门决算", "2024-09-20")
        ),
        "/bmjs/202409/t20240920_1.html": article(("/old.pdf", "决算.pdf")),
        "/old.pdf": Reply(b"", 301, {"Location": "/new.pdf"}),
        "/new.pdf": [
            Reply(b"busy", 503, conditional=False),
            Reply(b"%PDF-1.7 x", headers={"Set-Cookie": "a=1", "X-Juesuan-Connection": "forged"}),
        ],
    }
    before = datetime.now(UTC)
    with portal(replies) as running:  # type: ignore[arg-type]
        result = crawl(site_of(running), tmp_path)
        fetch = by_path(result, running)["/old.pdf"]
    assert [(hop.url.removeprefix(running.url), hop.status) for hop in fetch.hops] == [
        ("/old.pdf", 301),
        ("/new.pdf", 503),
        ("/new.pdf", 200),
    ]
    last = fetch.hops[-1]
    assert {hop.address for hop in fetch.hops} == {"127.0.0.1"}
    assert before <= fetch.hops[0].started_at <= last.started_at <= last.finished_at
    assert last.finished_at <= fetch.fetched_at
    assert dict(last.request_headers)["User-Agent"].startswith("juesuan/")
    answered = dict(last.response_headers)
    assert answered["Set-Cookie"] == "a=1"
    assert "X-Juesuan-Connection" not in answered, "a server cannot say what the connection was"
    assert (last.protocol, last.reason_phrase, last.tls) == ("HTTP/1.1", "OK", None)
    (journal,) = Archive(tmp_path).journals()
    assert fetch in list(journal.fetches())
    assert fetch_from_row(fetch_to_row(fetch)) == fetch
    (robots,) = [one for one in result.fetches if one.role.value == "robots"]
    assert [hop.status for hop in robots.hops] == [404]


def test_a_connection_that_fails_is_a_hop_too(tmp_path: Path) -> None:
    replies = three_documents()
    replies["/bmjs/202409/P02024.pdf"] = Reply(b"%PDF", declared=4000)
    with portal(replies) as running:
        fetch = by_path(crawl(site_of(running), tmp_path), running)["/bmjs/202409/P02024.pdf"]
    assert fetch.outcome is FetchOutcome.FAILED
    assert len(fetch.hops) == 3, "two repetitions"
    assert all("ResponseDataLossError" in (hop.error or "") for hop in fetch.hops)


def test_tls_is_kept_and_whether_it_was_verified(tmp_path: Path) -> None:
    quirk = Quirk(name="verify_tls", value=False, reason="证书由门户自己签发，浏览器也提示不安全")
    context = self_signed(tmp_path)
    with portal(three_documents(), tls=context) as running:
        refused = crawl(site_of(running), tmp_path / "a")
        accepted = crawl(site_of(running, quirks=(quirk,)), tmp_path / "b")
        served = ssl.get_server_certificate(("127.0.0.1", running.port))
    assert refused.failed
    assert not [fetch for fetch in refused.fetches if fetch.sha256]
    assert all(hop.tls is None for fetch in refused.fetches for hop in fetch.hops)
    assert accepted.failed is None
    assert accepted.documents == 3
    facts = {hop.tls for fetch in accepted.fetches for hop in fetch.hops}
    (tls,) = facts
    assert tls is not None
    certificate = load_pem_x509_certificate(served.encode())
    from cryptography.hazmat.primitives.hashes import SHA256

    assert tls.fingerprint_sha256 == certificate.fingerprint(SHA256()).hex()
    assert tls.issuer == tls.subject == certificate.subject.rfc4514_string()
    assert datetime.fromisoformat(tls.not_after) == certificate.not_valid_after_utc
    assert tls.protocol in ("TLSv1.2", "TLSv1.3")
    assert tls.cipher
    assert tls.verified is False
    kept = [fetch for journal in Archive(tmp_path / "b").journals() for fetch in journal.fetches()]
    assert {hop.tls for fetch in kept for hop in fetch.hops} == facts
    assert dataclasses.is_dataclass(tls)
