from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from data_docs.publishing import SiteBusyError, sole_builder, swapped_in


def _build(out: Path, text: str) -> None:
    with swapped_in(out) as folder:
        (folder / "index.html").write_text(text)


def _spoil(folder: Path) -> None:
    (folder / "index.html").write_text("half")
    (folder / "index.html").mkdir()


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_the_new_site_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "docs"
    _build(out, "one")
    (out / "stale.html").write_text("gone after the next build")
    _build(out, "two")
    assert _names(tmp_path) == ["docs"]
    assert _names(out) == ["index.html"]
    assert (out / "index.html").read_text() == "two"


def test_a_failed_build_leaves_the_old_site(tmp_path: Path) -> None:
    out = tmp_path / "docs"
    _build(out, "one")
    with pytest.raises(FileExistsError), swapped_in(out) as folder:
        _spoil(folder)
    assert _names(tmp_path) == ["docs"]
    assert (out / "index.html").read_text() == "one"


_KILLED = """
import os, sys
from pathlib import Path
from data_docs import publishing

out, when = Path(sys.argv[1]), sys.argv[2]
rename = Path.rename
def dying(self, target):
    if when == "between" and ".building-" in self.name:
        os._exit(9)
    return rename(self, target)
Path.rename = dying
with publishing.swapped_in(out) as folder:
    (folder / "index.html").write_text("unfinished")
    if when == "building":
        os._exit(9)
"""


@pytest.mark.parametrize("when", ["building", "between"])
def test_a_killed_builder_is_recovered_from(tmp_path: Path, when: str) -> None:
    out = tmp_path / "docs"
    _build(out, "one")
    died = subprocess.run([sys.executable, "-c", _KILLED, str(out), when], timeout=60)
    assert died.returncode == 9
    assert len(_names(tmp_path)) == 2, "the killed builder left its folder"
    with swapped_in(out) as folder:
        assert (out / "index.html").read_text() == "one", "the old site is back before building"
        (folder / "index.html").write_text("two")
    assert _names(tmp_path) == ["docs"]
    assert (out / "index.html").read_text() == "two"


def test_two_builders_do_not_meet(tmp_path: Path) -> None:
    out = tmp_path / "docs"
    with (
        sole_builder(out),
        pytest.raises(SiteBusyError, match="docs"),
        swapped_in(out, timeout_s=0.3),
    ):
        pass
    _build(out, "one")
    assert (out / "index.html").read_text() == "one"
