"""The floors of the house: each package imports only packages below it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from importlinter.cli import EXIT_STATUS_ERROR, EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[1]


def test_each_floor_imports_only_lower_ones() -> None:
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS


def test_a_breach_would_be_seen(tmp_path: Path) -> None:
    """The same contract upside down fails, so the linter does read this house."""
    order = ["disclosures", "connectors", "warehouse"]
    config = tmp_path / "upside_down.toml"
    config.write_text(
        "[tool.importlinter]\n"
        f"root_packages = {order}\n"
        "[[tool.importlinter.contracts]]\n"
        'name = "Upside down"\n'
        'type = "layers"\n'
        f"layers = {order}\n",
        encoding="utf-8",
    )
    assert lint_imports(config_filename=str(config), no_cache=True) == EXIT_STATUS_ERROR


def test_every_package_is_a_floor() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    # bench/ stands beside the house: it drives what is there and nothing imports it.
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"bench"}
    linter = project["tool"]["importlinter"]
    assert packages == set(linter["root_packages"])
    assert packages == set(linter["contracts"][0]["layers"])
