from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.sites import Column, Site, load_sites

BASE = "http://127.0.0.1:8123"


def site(**values: Any) -> Site:
    given: dict[str, Any] = {
        "key": "hill",
        "name": "青山区人民政府",
        "region": "青山区",
        "family": "trs_static",
        "columns": (Column(url="https://www.hill.gov.cn/bmjs/index.html", what="部门决算"),),
    }
    return Site(**(given | values))


def test_the_registry_holds_the_replica_and_what_nobody_has_reached_yet() -> None:
    sites = load_sites()
    assert set(sites) >= {"acheng", "wuerhe", "sanmenxia", "beiguan", "lixia"}
    for entry in sites.values():
        if entry.key.startswith("replica_"):
            assert entry.why_not_crawlable() == "未给出仿真门户地址"
        else:
            assert not entry.verified
            assert not entry.allow_loopback
            assert entry.remark
        assert not entry.is_nightly()


def test_the_replica_is_crawled_where_it_runs_and_nowhere_else() -> None:
    sites = load_sites(replica_base_url=BASE + "/")
    nightly = [entry for entry in sites.values() if entry.is_nightly()]
    assert [entry.key for entry in nightly] == ["replica_hanweb", "replica_trs"]
    for entry in nightly:
        assert all(column.url.startswith(f"{BASE}/") for column in entry.columns)
        assert entry.loopback_ports() == {8123}
        assert entry.covers(f"{BASE}/anything")
        assert not entry.covers("http://127.0.0.1:8124/anything")
        assert not entry.covers("http://127.0.0.1/anything")


@pytest.mark.parametrize(
    ("url", "covered"),
    [
        ("https://www.hill.gov.cn/x", True),
        ("http://czj.hill.gov.cn:8080/x", True),
        ("http://hill.gov.cn/", True),
        ("http://files.example.com/x", True),
        ("http://www.valley.gov.cn/x", False),
        ("http://gov.cn/x", False),
        ("http://nothill.gov.cn/x", False),
        ("http://www.hill.gov.cn.evil.example/x", False),
        ("http://10.0.0.5/x", False),
    ],
)
def test_a_site_ends_at_its_registered_domain(url: str, covered: bool) -> None:
    assert site(hosts=("files.example.com",)).covers(url) is covered


def test_regions_go_by_the_name_of_the_agency() -> None:
    entry = load_sites()["replica_hanweb"]
    assert entry.region_of("安阳市北关区便民服务中心") == ("河南省安阳市北关区", "410503")
    assert entry.region_of("示例区财政局") == ("示例区", None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"family": "unheard_of"},
        {"family": None},
        {"columns": (), "verified": True},
        {"columns": ({"url": "ftp://www.hill.gov.cn/", "what": "x"},)},
        {"columns": ({"url": "{replica}/trs/", "what": "x"},)},
        {"allow_loopback": True},
        {"key": "../hill"},
        {"region_code": "12"},
        {"min": -1},
        {"unknown": 1},
        {"quirks": ({"name": "verify_tls", "value": False, "reason": ""},)},
        {"quirks": ({"name": "verify_tls", "value": "no", "reason": "long enough a reason"},)},
        {"quirks": ({"name": "encoding", "value": "klingon", "reason": "long enough a reason"},)},
        {
            "columns": (
                {"url": "http://hill.gov.cn/", "what": "x", "options": {"article_url": "("}},
            )
        },
        {
            "columns": (
                {"url": "http://hill.gov.cn/", "what": "x", "options": {"entries_within": "a[["}},
            )
        },
    ],
)
def test_what_is_no_site_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        site(**wrong)


def test_quirks_by_name() -> None:
    entry = site(
        quirks=({"name": "timeout_s", "value": 300, "reason": "附件服务器首字节常超过两分钟"},)
    )
    assert entry.quirk("timeout_s") == 300
    assert entry.quirk("verify_tls") is None
