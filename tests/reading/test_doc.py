"""Word 97, WPS and RTF: through LibreOffice where it is installed, else with what to install."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from pathlib import Path

import pytest
from docx import Document

from disclosures.model import DocumentKind
from disclosures.reading import read_document
from disclosures.reading.readers import office_reader
from disclosures.reading.sniff import MediaType

RTF = (
    r"{\rtf1\ansi\ansicpg936 \u26576?\u24066?\u26576?\u23616?2023"
    r"\u24180?\u24230?\u37096?\u38376?\u20915?\u31639?\par}"
)


@pytest.fixture
def word_97(tmp_path: Path) -> Path:
    """What tells a Word 97 file: Microsoft's compound file with a stream of this name."""
    path = tmp_path / "accounts.doc"
    stream = "WordDocument".encode("utf-16-le") + b"\0\0"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + stream + bytes(1024))
    return path


def install(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program called soffice, alone on the path."""
    folder.mkdir()
    program = folder / "soffice"
    program.write_text(f"#!{sys.executable}\n{script}", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))


def test_without_libreoffice_the_reason_says_what_to_install(
    word_97: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    reading = read_document(word_97)
    assert (reading.media_type, reading.kind) == (MediaType.DOC, DocumentKind.UNREADABLE)
    assert "请在本机安装 LibreOffice" in (reading.reason or "")


def test_the_converted_document_is_read(
    word_97: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = Document()
    document.add_paragraph("某市某局2023年度部门决算")
    document.add_paragraph("第一部分 部门概况")
    document.save(str(tmp_path / "converted.docx"))
    script = f"""
import pathlib, shutil, sys
assert sys.argv[1].startswith("-env:UserInstallation=file:///")
out = pathlib.Path(sys.argv[sys.argv.index("--outdir") + 1])
out.mkdir()
shutil.copy({str(tmp_path / "converted.docx")!r}, out / (pathlib.Path(sys.argv[-1]).stem + ".docx"))
"""
    install(tmp_path / "bin", script, monkeypatch)
    reading = read_document(word_97)
    assert (reading.title, reading.year) == ("某市某局2023年度部门决算", 2023)
    assert "libreoffice" in reading.readers


def test_a_hanging_conversion_ends_with_its_children(
    word_97: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "child"
    script = f"""
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path({str(mark)!r}).write_text(str(child.pid))
time.sleep(60)
"""
    install(tmp_path / "bin", script, monkeypatch)
    monkeypatch.setattr(office_reader, "_TIMEOUT_S", 2.0)
    reading = read_document(word_97)
    assert "超过2秒" in (reading.reason or "")
    child = int(mark.read_text())
    deadline_s = time.monotonic() + 5
    while _runs(child) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # Its parent died with it; until somebody collects it, it is a zombie.
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1][:3]
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_itself(tmp_path: Path) -> None:
    path = tmp_path / "accounts.rtf"
    path.write_text(RTF, encoding="ascii")
    reading = read_document(path)
    assert reading.title == "某市某局2023年度部门决算"
