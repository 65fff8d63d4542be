"""Every hostile file ends within its limits with a reason, and no figure is changed in silence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hostile import Case, corpus, originals, write_corpus

from disclosures.model import DocumentKind, Fact, Reading
from disclosures.reading.packages import PackageLimits, demand_sound
from disclosures.reading.readers.base import UnreadableError
from disclosures.reading.storable import storable
from disclosures.reading.workers import Limits, ReaderPool

# Wide enough for undamaged files on a busy machine.
LIMITS = Limits(wall_s=5.0, scan_s=3.0, rss_mb=1536, max_pages=300)
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Outcome:
    folder: Path
    cases: Mapping[str, Case]
    readings: Mapping[str, Reading]
    peak_mb: float
    left: tuple[int, ...]


def descendants(pid: int | str) -> list[int]:
    """Processes below a process."""
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in children.read_text().split():
                found += [int(child), *descendants(child)]
        except OSError:
            continue
    return found


def peak_mb(pid: int) -> float:
    """The most resident memory that a process ever had, in MiB; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next(
        (int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")),
        0.0,
    )


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    if not Path("/proc/self/task").exists():
        pytest.skip("needs /proc")
    folder = tmp_path_factory.mktemp("corpus")
    written = write_corpus(folder)
    names = {path: case.name for case, path in written}
    before = set(descendants("self"))
    peaks = [0.0]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            peaks.append(max(map(peak_mb, set(descendants("self")) - before), default=0.0))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with ReaderPool(2, LIMITS) as pool:
            readings = {names[path]: reading for path, reading in pool.read(list(names))}
    finally:
        over.set()
        watcher.join()
    left = tuple(set(descendants("self")) - before)
    return Outcome(folder, {case.name: case for case, _ in written}, readings, max(peaks), left)


def test_corpus_is_large_and_the_same_each_time(outcome: Outcome) -> None:
    assert len(outcome.cases) >= 200
    assert {case.name: case for case in corpus()} == outcome.cases


def test_each_file_ends_with_a_kind_and_a_reason(outcome: Outcome) -> None:
    assert set(outcome.readings) == set(outcome.cases)
    for name, reading in outcome.readings.items():
        if reading.kind is not DocumentKind.FINAL_ACCOUNTS:
            assert reading.reason, name
            assert not reading.facts, name
        assert len(reading.sha256) == 64, name


def test_each_file_ends_within_its_limits(outcome: Outcome) -> None:
    # The parent looks ten times a second, and a scan is granted time of its own.
    most_s = LIMITS.wall_s + LIMITS.scan_s + 2.0
    slow = {n: r.seconds for n, r in outcome.readings.items() if r.seconds > most_s}
    assert slow == {}
    # What is taken between two looks is limited by the system.
    assert 0 < outcome.peak_mb < LIMITS.rss_mb + 1024
    assert outcome.left == ()


def test_undamaged_files_are_read_in_full(outcome: Outcome) -> None:
    for name, case in outcome.cases.items():
        if case.sound:
            reading = outcome.readings[name]
            assert reading.kind is DocumentKind.FINAL_ACCOUNTS, (name, reading.reason)
            assert {form.form for form in reading.forms} == {"01", "05", "09"}, name
            assert len(reading.facts) > 130, name
            assert all(fact.agreed for fact in reading.facts), name


def test_damage_never_changes_or_loses_a_figure_in_silence(outcome: Outcome) -> None:
    wrong: dict[str, list[str]] = {}
    for name, case in outcome.cases.items():
        reading = outcome.readings[name]
        if not case.original or reading.kind is not DocumentKind.FINAL_ACCOUNTS:
            continue
        known = {f.key: f for f in outcome.readings[f"original-{case.original}"].facts}
        read = {fact.key: fact for fact in reading.facts}
        faults = [f"lost {key}" for key in known.keys() - read.keys()]
        faults += [
            f"{key}: {fact.text} instead of {known[key].text if key in known else 'nothing'}"
            for key, fact in read.items()
            if fact.agreed and _amount(fact) != _amount(known.get(key))
        ]
        if faults:
            wrong[name] = faults
    assert wrong == {}


def _amount(fact: Fact | None) -> object:
    return fact.amount_wan if fact else None


def test_damaged_and_bomb_like_packages_are_refused_before_they_are_opened(
    outcome: Outcome,
) -> None:
    for name in ("xlsx-laughs-strings.xlsx", "docx-laughs-document.docx", "docx-entity-late.docx"):
        assert "文档类型声明" in (outcome.readings[name].reason or ""), name
    for name in ("xlsx-checksum.xlsx", "flip-book-1.xlsx", "flip-word-1.docx"):
        assert "文件已损坏" in (outcome.readings[name].reason or ""), name
    assert "倍" in (outcome.readings["xlsx-strings-bomb.xlsx"].reason or "")


def test_checksums_of_pdf_streams_are_verified(outcome: Outcome) -> None:
    for name in ("forged-0.pdf", "content-3.pdf", "flips-ruled-0.pdf"):
        assert "文件已损坏" in (outcome.readings[name].reason or ""), name
    # Where the damage falls, on an entry in use or not, is drawn with the originals.
    told = [
        name
        for name, reading in outcome.readings.items()
        if name.startswith("directory-") and "文件已损坏" in (reading.reason or "")
    ]
    assert told


def test_package_may_not_unpack_beyond_what_it_claims(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(originals()["book.xlsx"])
    demand_sound(path)
    for limits in (PackageLimits(members=3), PackageLimits(unpacked_bytes=20_000)):
        with pytest.raises(UnreadableError, match="超过上限"):
            demand_sound(path, limits)


def test_texts_of_readings_can_be_stored() -> None:
    fact = Fact("05", None, "a\0", None, None, "半\ud800字", "c", None, "1.00\n", None)
    reading = Reading("", "text/plain", DocumentKind.OTHER, facts=(fact,), notes=("\udfff",))
    clean = storable(reading)
    assert (clean.facts[0].row, clean.facts[0].name) == ("a\ufffd", "半\ufffd字")
    assert clean.facts[0].text == "1.00\n"
    assert clean.notes == ("\ufffd",)
    assert storable(clean) is clean or storable(clean) == clean


def test_check_of_a_folder_has_a_row_for_each_file(outcome: Outcome, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    wanted = ("original-", "cut-", "zip-paths", "ole-noise", "empty", "text-n", "xlsx-t", "docx-l")
    for name, case in outcome.cases.items():
        if name.startswith(wanted):
            (folder / name).write_bytes(case.body)
    os.mkfifo(folder / "pipe.pdf")
    (folder / "ring.pdf").symlink_to("ring.pdf")
    (folder / "lost.pdf").symlink_to("nowhere.pdf")
    (folder / "[bold]决算.txt").write_text("某局2023年度部门决算", encoding="utf-8")
    with open(os.fsencode(folder) + b"/" + "名称.txt".encode("gb18030"), "wb") as file:
        file.write(b"text")
    with (folder / "large.pdf").open("wb") as file:
        file.truncate(Limits().max_bytes + 1)
    names = {os.fsencode(path.name) for path in folder.iterdir()}
    assert len(names) > 40
    started_s = time.monotonic()
    command = [sys.executable, "-c", "from flows.cli import main; main()", "check", str(folder)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "out"), "--data", str(tmp_path / "data")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        start_new_session=True,
    )
    # An exception that nobody caught ends with 1 too.
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    assert done.returncode in (0, 1)
    lines = (tmp_path / "out" / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    rows = {row["file"]: row for row in map(json.loads, lines)}
    # What archives hold has rows of its own.
    assert {name.decode("utf-8", "ignore") for name in names if b".txt" not in name} <= rows.keys()
    assert {"名称.txt", "[bold]决算.txt"} <= rows.keys()
    for name in ("pipe.pdf", "ring.pdf", "lost.pdf", "large.pdf"):
        assert rows[name]["kind"] == "unreadable"
        assert rows[name]["reason"]
    assert rows["original-ruled.pdf"]["kind"] == "final_accounts"
    assert time.monotonic() - started_s < 110
    assert not (tmp_path / "escaped.xlsx").exists()
    assert not Path("/tmp/escaped.xlsx").exists()
