"""The floors of the house: each package imports only packages below it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def lint_imports(config: Path) -> subprocess.CompletedProcess[str]:
    """Run the linter in a process of its own: zope.interface, once another test has imported
    it, changes how classes are looked at and breaks the linter."""
    code = "import sys; from importlinter.cli import lint_imports_command as run; run(sys.argv[1:])"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache", "--config", str(config)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_each_floor_imports_only_lower_ones() -> None:
    done = lint_imports(ROOT / "pyproject.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kept, 0 broken" in done.stdout


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
    done = lint_imports(config)
    assert done.returncode == 1
    assert "Upside down BROKEN" in done.stdout


def test_every_package_is_a_floor() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    # bench/ stands beside the house: it drives what is there and nothing imports it.
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"bench"}
    linter = project["tool"]["importlinter"]
    assert packages == set(linter["root_packages"])
    assert packages == set(linter["contracts"][0]["layers"])
