"""What a site has published is read and withdrawn in portions: five times as much of it takes no
more memory."""

from __future__ import annotations

import gc
import tracemalloc
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, insert, select

from warehouse.locations import (
    CURRENT,
    WITHDRAWN,
    ImplausibleAbsence,
    known_urls,
    withdraw_absent,
)
from warehouse.rows import key_of
from warehouse.schema import RawLocation

NOON = datetime(2026, 1, 15, 4, tzinfo=UTC)


def publish(engine: Engine, site: str, count: int, *, seen_in: str = "before") -> None:
    """So many files of one article."""
    moments = dict.fromkeys(("state_since", "first_seen_at", "last_seen_at", "checked_at"), NOON)
    with engine.begin() as connection:
        for start in range(0, count, 500):
            rows = [
                {
                    "location_id": key_of(site, url := f"http://{site}.example/{n}.pdf"),
                    "site": site,
                    "url": url,
                    "role": "document",
                    "state": CURRENT,
                    "sha256": key_of(n),
                    "found_on": f"http://{site}.example/article",
                    "seen_in": seen_in,
                    **moments,
                }
                for n in range(start, min(start + 500, count))
            ]
            connection.execute(insert(RawLocation), rows)


def withdraw(engine: Engine, site: str) -> None:
    with pytest.raises(ImplausibleAbsence, match="疑为栏目异常"):
        withdraw_absent(engine, "tonight", site, at=NOON)


def peak(engine: Engine, site: str) -> float:
    """Memory at most in use, in MiB, while everything of a site is looked up and withdrawn."""
    gc.collect()
    tracemalloc.start()
    try:
        assert sum(1 for _ in known_urls(engine, site)) > 0
        withdraw(engine, site)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def test_five_times_as_many_take_no_more_memory(engine: Engine) -> None:
    publish(engine, "few", 1000)
    publish(engine, "many", 5000)
    peak(engine, "few")  # what is remembered of statements counts for neither
    few, many = peak(engine, "few"), peak(engine, "many")
    # Kept at once, four thousand more would take at least 2 MiB.
    assert many < few + 1.0
    with engine.connect() as connection:
        assert set(connection.scalars(select(RawLocation.state))) == {CURRENT}, "nothing stays"


def test_what_hangs_on_a_page_that_was_not_read_stays_in_every_portion(engine: Engine) -> None:
    publish(engine, "hill", 1200)
    article = "http://hill.example/article"
    assert withdraw_absent(engine, "tonight", "hill", at=NOON, unsettled={article}) == 0
    publish(engine, "lake", 9)
    publish(engine, "lake-too", 1300, seen_in="tonight")
    assert withdraw_absent(engine, "tonight", "lake", at=NOON) == 9
    with engine.connect() as connection:
        query = select(RawLocation.site).where(RawLocation.state == WITHDRAWN)
        assert set(connection.scalars(query)) == {"lake"}
