"""The lock and the environment that it makes."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.markers import Marker

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==(\S+)(?: ; ([^\\\n]+))?", LOCK, re.M)


def test_every_pin_of_the_lock_is_installed_as_pinned() -> None:
    wrong = {}
    for name, pinned, marker in PINS:
        if marker and not Marker(marker.strip()).evaluate():
            continue
        try:
            installed = version(name)
        except PackageNotFoundError:
            installed = "missing"
        if installed != pinned:
            wrong[name] = (pinned, installed)
    assert len(PINS) > 100
    assert wrong == {}


def test_lock_is_hashed_and_names_no_host() -> None:
    assert LOCK.count("--hash=sha256:") > len(PINS)
    assert not re.search(r"://|--(extra-)?index-url|--find-links|@ ?file:", LOCK)


@pytest.mark.parametrize("name", ["tabula", "tablers", "great_expectations", "pdfplumber", "typst"])
def test_declared_libraries_import(name: str) -> None:
    __import__(name)


def test_prefect_server_app_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """fastapi 0.155 and later break the server at import, so the pin is held here."""
    from prefect.server.api.server import create_app

    app = create_app(ephemeral=True)
    assert {"/api", "/"} <= {getattr(route, "path", "") or "/" for route in app.routes}
