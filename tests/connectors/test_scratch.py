"""Sets and tables on the disk are those of Python, whatever the web puts into them."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from connectors.scratch import Scratch

ODD = ["http://a.cn/1", "部门决算", "\ud800", "nul\0", ""]


def test_a_set_is_a_set_and_its_neighbour_another() -> None:
    scratch = Scratch()
    one, other = scratch.texts(ODD), scratch.texts()
    assert set(one) == set(ODD)
    assert len(one) == len(ODD)
    assert not list(other)
    one.add("部门决算")
    other.add("b")
    assert len(one) == len(ODD)
    one.discard("")
    one.discard("never there")
    assert "" not in one
    assert one >= {"\ud800"}
    assert {"\ud800", "b"} - one == {"b"}
    one |= {"c"}
    assert len(one) == len(ODD)
    assert list(other) == ["b"]


def test_a_table_keeps_what_it_had_first_unless_told_otherwise() -> None:
    table = Scratch().table()
    assert table.put("a", "1")
    assert not table.put("a", "2")
    assert dict(table) == {"a": "1"}
    table["a"] = "3"
    table["b"] = "4"
    assert (dict(table), len(table)) == ({"a": "3", "b": "4"}, 2)
    del table["a"]
    assert table.get("a") is None
    assert len(table) == 1


def test_what_does_not_fit_into_memory_lies_in_a_file_that_goes(tmp_path: Path) -> None:
    def files() -> int:
        count = 0
        for entry in Path(f"/proc/{os.getpid()}/fd").iterdir():
            try:
                count += "etilqs" in os.readlink(entry)
            except OSError:
                continue
        return count

    before = files()
    texts = Scratch().texts(f"http://www.example.gov.cn/{n}" for n in range(20_000))
    assert files() == before + 1
    assert len(texts) == 20_000
    assert "http://www.example.gov.cn/19999" in texts
    del texts
    gc.collect()
    assert files() == before
