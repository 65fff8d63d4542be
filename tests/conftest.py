"""Fixtures that tests of more than one floor share."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Engine, create_engine, make_url, text

from warehouse.database import open_engine

_POSTGRES = "JUESUAN_TEST_POSTGRES"
#: Without these Chromium looks for its maker's hosts at every start.
_QUIET_CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Marks whose tests may not be skipped, comma-separated: CI has every service.
_REQUIRED = "JUESUAN_TEST_REQUIRE"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skip for a missing service is a failure where the service is required."""
    report = yield
    required = set(filter(None, os.environ.get(_REQUIRED, "").split(",")))
    missing = sorted(required & {mark.name for mark in item.iter_markers()})
    if report.skipped and missing and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although {', '.join(missing)} is required: {report.longrepr}"
    return report


@pytest.fixture(
    params=[
        pytest.param("sqlite"),
        pytest.param("postgresql", marks=pytest.mark.postgres),
    ]
)
def warehouse_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty place for a warehouse, once on SQLite and once on PostgreSQL, where it is
    a schema of its own that is dropped afterwards."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'warehouse.db'}"
        return
    server = os.environ.get(_POSTGRES)
    if not server:
        pytest.skip(f"{_POSTGRES} names no PostgreSQL database")
    schema = f"juesuan_{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            connection.execute(text(f'CREATE SCHEMA "{schema}"'))
        try:
            url = make_url(server).update_query_dict({"options": f"-csearch_path={schema}"})
            yield url.render_as_string(hide_password=False)
        finally:
            with admin.connect() as connection:
                connection.execute(text(f'DROP SCHEMA "{schema}" CASCADE'))
    finally:
        admin.dispose()


@pytest.fixture
def engine(warehouse_url: str) -> Iterator[Engine]:
    """An open warehouse without rows, on both databases."""
    opened = open_engine(warehouse_url)
    try:
        yield opened
    finally:
        opened.dispose()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests: a thread can hold one Playwright at a time."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=_QUIET_CHROMIUM)
        yield started
        started.close()
