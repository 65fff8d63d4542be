"""What reading said of a document comes back to the crawl; what a link was worth is kept."""

from __future__ import annotations

from sqlalchemy import Engine, select
from test_load import ARCHIVE, NOON, fetch, reading, start

from connectors.link_scores import settled
from connectors.records import FetchOutcome
from disclosures.model import DocumentKind
from warehouse import load
from warehouse.locations import known_urls
from warehouse.schema import RawFetch


def test_scores_and_their_reasons_are_kept(engine: Engine) -> None:
    run = start(engine)
    taken = fetch("a", score=95, score_reasons=("部门决算 +45", "部门决算栏目 +25"))
    why = "评分 -20 低于 0"
    left = fetch("b", outcome=FetchOutcome.SKIPPED, sha256=None, score=-20, reason=why)
    load.save_fetches(engine, run, [taken, left, fetch("c")], ARCHIVE)
    with engine.connect() as connection:
        rows = {row.url: row for row in connection.execute(select(*RawFetch.__table__.columns))}
    assert rows[taken.url].score == 95
    assert rows[taken.url].score_reasons == ["部门决算 +45", "部门决算栏目 +25"]
    assert (rows[left.url].score, rows[left.url].reason) == (-20, why)
    assert rows[fetch("c").url].score_reasons is None


def test_the_next_night_knows_what_reading_said(engine: Engine) -> None:
    run = start(engine)
    told = {"link_text": "附件", "article_title": "甲局2024年部门预算"}
    packed = fetch("c", media_type="application/zip")
    load.save_fetches(engine, run, [fetch("a", **told), fetch("b"), packed], ARCHIVE)
    budget = reading("a", kind=DocumentKind.BUDGET, reason="部门预算，不是决算", facts=(), forms=())
    package = reading("c", kind=DocumentKind.OTHER, facts=(), forms=())
    load.save_readings(engine, run, [budget, package])
    known = {entry.url: entry for entry in known_urls(engine, "hill")}
    verdict = known[fetch("a").url].verdict
    assert verdict is not None
    assert (verdict.kind, verdict.fetched_at) == ("budget", NOON)
    said = ("附件", "甲局2024年部门预算", "2024-08-30")
    assert "部门预算" in (settled(verdict, told=said, twin=None, now=NOON) or "")
    assert known[fetch("b").url].verdict is None, "not read yet"
    assert known[packed.url].verdict is None, "its members speak for it"
