"""Archives: members under limits, names of Chinese systems, and what stays closed."""

from __future__ import annotations

import base64
import gzip
import io
import os
import shutil
import struct
import subprocess
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from disclosures.model import DocumentKind
from disclosures.reading import read_document
from disclosures.reading.containers import ContainerLimits, is_container, members
from disclosures.reading.readers.base import UnreadableError
from disclosures.reading.sniff import MediaType, sniff
from disclosures.reading.workers import Limits, unpacked


def zipped(files: dict[str, bytes]) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(name, content)
    return body.getvalue()


def gbk_zipped(name: str, content: bytes) -> bytes:
    """A zip as Chinese Windows writes it: the name in GBK without the mark of UTF-8."""
    placeholder = "x" * len(name.encode("gbk"))
    return zipped({placeholder: content}).replace(placeholder.encode(), name.encode("gbk"))


def stored(tmp_path: Path, body: bytes) -> Path:
    path = tmp_path / "container"
    path.write_bytes(body)
    return path


def test_members_of_nested_containers_have_labels_that_are_no_paths(tmp_path: Path) -> None:
    inner = zipped({"表.txt": "收入支出决算总表".encode()})
    path = stored(
        tmp_path,
        zipped({"甲局/说明.txt": "说明".encode(), "../../etc/附件.zip": inner, "__MACOSX/x": b"1"}),
    )
    assert is_container(path)
    contents = members(path)
    assert [m.name for m in contents.members] == ["甲局/说明.txt", "etc/附件.zip/表.txt"]
    assert contents.members[1].body.decode() == "收入支出决算总表"
    assert contents.notes == []


def test_names_in_gbk_are_read(tmp_path: Path) -> None:
    path = stored(tmp_path, gbk_zipped("甲局2023年度部门决算.txt", b"text"))
    assert [m.name for m in members(path).members] == ["甲局2023年度部门决算.txt"]


def test_gzip_is_a_container_of_one(tmp_path: Path) -> None:
    path = stored(tmp_path, gzip.compress("部门决算".encode()))
    assert [m.body.decode() for m in members(path).members] == ["部门决算"]


def test_what_begins_with_a_pdf_inside_is_no_pdf(tmp_path: Path) -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_STORED) as package:
        for name in ("决算.pdf", "附表.pdf"):
            package.writestr(name, b"%PDF-1.7\n%%EOF\n")
    assert sniff(body.getvalue()) is MediaType.ZIP
    found = members(stored(tmp_path, body.getvalue())).members
    assert [member.name for member in found] == ["决算.pdf", "附表.pdf"]
    assert sniff(b"\xef\xbb\xbf\r\n%PDF-1.7\n%%EOF\n") is MediaType.PDF


def test_office_documents_are_not_containers(tmp_path: Path) -> None:
    body = zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"})
    assert not is_container(stored(tmp_path, body))


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (ContainerLimits(members=2), "超过上限2个"),
        (ContainerLimits(unpacked_bytes=2**20), "超过上限1 MB"),
    ],
)
def test_a_container_beyond_the_limits_is_refused(
    tmp_path: Path, limits: ContainerLimits, said: str
) -> None:
    path = stored(tmp_path, zipped({f"{n}.txt": b"x" * 2**20 for n in range(3)}))
    with pytest.raises(UnreadableError, match=said):
        members(path, limits)


def test_a_bomb_among_members_costs_that_member(tmp_path: Path) -> None:
    path = stored(tmp_path, zipped({"bomb": b"\0" * 4 * 2**20, "good.txt": b"good"}))
    contents = members(path, ContainerLimits(ratio=50, ratio_from_bytes=2**20))
    assert [m.name for m in contents.members] == ["good.txt"]
    assert "50倍" in contents.notes[0]


def test_nesting_ends(tmp_path: Path) -> None:
    body = b"end"
    for depth in range(6):
        body = zipped({f"{depth}.zip" if depth else "end.txt": body})
    contents = members(stored(tmp_path, body))
    assert contents.members == []
    assert "嵌套超过3层" in contents.notes[0]


def test_encrypted_and_damaged_members_are_told(tmp_path: Path) -> None:
    body = bytearray(zipped({"locked.txt": b"secret" * 9, "broken.txt": bytes(range(250)) * 3}))
    directory = body.index(b"PK\x01\x02")
    struct.pack_into("<H", body, directory + 8, 1)
    broken = body.index(b"broken.txt") + len("broken.txt") + 5
    body[broken : broken + 8] = b"\xff" * 8
    contents = members(stored(tmp_path, bytes(body)))
    assert contents.members == []
    assert "密码" in contents.notes[0]
    assert "损坏" in contents.notes[1]


def test_reading_a_container_lists_what_is_in_it(tmp_path: Path) -> None:
    path = stored(tmp_path, zipped({"决算.txt": b"1", "说明.txt": b"2"}))
    reading = read_document(path)
    assert (reading.kind, reading.media_type) == (DocumentKind.OTHER, MediaType.ZIP)
    assert reading.reason is not None
    assert "决算.txt、说明.txt" in reading.reason


def rar_4(files: list[tuple[bytes, bytes]], *, flags: int = 0) -> bytes:
    """An archive of version 4 that stores its files as they are."""

    def block(kind: int, marks: int, rest: bytes, data: bytes = b"") -> bytes:
        body = struct.pack("<BHH", kind, marks, 7 + len(rest)) + rest
        return struct.pack("<H", zlib.crc32(body) & 0xFFFF) + body + data

    body = b"Rar!\x1a\x07\x00" + block(0x73, 0, bytes(6))
    for name, data in files:
        sizes = struct.pack("<IIBI", len(data), len(data), 2, zlib.crc32(data))
        about = struct.pack("<IBBHI", 0, 20, 0x30, len(name), 0x20)
        body += block(0x74, 0x8000 | flags, sizes + about + name, data)
    return body + block(0x7B, 0x4000, b"")


def rar_5(
    files: list[tuple[str, bytes]], *, volume: bool = False, locked: str | None = None
) -> bytes:
    """An archive of version 5 that stores its files as they are; ``locked`` are its ``files`` or
    its ``names``, too."""

    def number(value: int) -> bytes:
        low = bytes([value & 0x7F | (0x80 if value > 0x7F else 0)])
        return low + (number(value >> 7) if value > 0x7F else b"")

    def block(*parts: int | bytes) -> bytes:
        body = b"".join(number(p) if isinstance(p, int) else p for p in parts)
        sized = number(len(body)) + body
        return struct.pack("<I", zlib.crc32(sized)) + sized

    body = b"Rar!\x1a\x07\x01\x00"
    secret = bytes(range(16))
    if locked == "names":
        return body + block(4, 0, 0, 0, 15, secret) + secret * 20
    body += block(1, 0, int(volume))
    record = bytes([1, 0, 0, 15]) + secret * 2
    extra = bytes([len(record)]) + record if locked == "files" else b""
    for name, data in files:
        flags = (3, len(extra)) if extra else (2,)
        told = (4, len(data), 0x20, struct.pack("<I", zlib.crc32(data)), 0, 0)
        label = name.encode()
        body += block(2, *flags, len(data), *told, len(label), label, extra) + data
    return body + block(5, 0, 0)


with_bsdtar = pytest.mark.skipif(
    shutil.which("bsdtar") is None, reason="bsdtar (libarchive-tools) is not installed"
)


@with_bsdtar
def test_members_of_rar_have_labels_that_are_no_paths(tmp_path: Path) -> None:
    inner = zipped({"表.txt": "收入支出决算总表".encode()})
    files = [("甲局/说明.txt", "说明".encode()), ("../../etc/附件.zip", inner)]
    path = stored(tmp_path, rar_5(files))
    assert is_container(path)
    contents = unpacked(path)
    assert [m.name for m in contents.members] == ["甲局/说明.txt", "etc/附件.zip/表.txt"]
    assert contents.members[1].body.decode() == "收入支出决算总表"
    reading = read_document(path)
    assert (reading.kind, reading.media_type) == (DocumentKind.OTHER, MediaType.RAR)
    # Version 4 of Chinese Windows keeps names in GBK.
    old = stored(tmp_path, rar_4([("甲局\\决算.txt".encode("gbk"), b"1")]))
    assert [m.name for m in members(old).members] == ["甲局/决算.txt"]


@with_bsdtar
def test_members_of_rar_that_are_damaged_or_encrypted_are_told(tmp_path: Path) -> None:
    for body in (
        rar_5([("坏.txt", b"broken" * 9), ("好.txt", b"sound")]),
        rar_4([("坏.txt".encode("gbk"), b"broken" * 9), ("好.txt".encode("gbk"), b"sound")]),
    ):
        spoiled = body.replace(b"broken" * 9, b"wrong!" * 9)
        contents = members(stored(tmp_path, spoiled))
        assert [m.name for m in contents.members] == ["好.txt"]
        assert contents.notes == ["“坏.txt”：已损坏（校验和不符），请重新下载"]
    for body in (
        rar_4([(b"a.txt", b"secret")], flags=0x04),
        rar_5([("a.txt", b"secret")], locked="files"),
    ):
        locked = members(stored(tmp_path, body))
        assert locked.members == []
        assert "密码" in locked.notes[0]
    for wrong, said in (
        (rar_5([("a.txt", b"secret")], locked="names"), "密码"),
        (rar_5([("a.txt", b"x")], volume=True), "分卷"),
        (rar_5([("a.txt", b"x" * 99)])[:60], "损坏"),
        (b"Rar!\x1a\x07\x01\x00" + bytes(range(128, 256)) * 2, "损坏"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(range(128, 256)) * 2, "损坏"),
    ):
        with pytest.raises(UnreadableError, match=said):
            members(stored(tmp_path, wrong))


@with_bsdtar
def test_rar_and_7z_are_opened_under_limits(tmp_path: Path) -> None:
    path = stored(tmp_path, rar_5([(f"{n}.txt", b"x" * 2**20) for n in range(3)]))
    for limits, said in (
        (ContainerLimits(members=2), "超过上限2个"),
        (ContainerLimits(unpacked_bytes=2**20), "超过上限1 MB"),
    ):
        with pytest.raises(UnreadableError, match=said):
            members(path, limits)
    zeros = tmp_path / "零.txt"
    zeros.write_bytes(bytes(8 * 2**20))
    packed = tmp_path / "bomb.7z"
    command = ["bsdtar", "--format=7zip", "-cf", str(packed), "-C", str(tmp_path), "零.txt"]
    subprocess.run(command, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert [m.body for m in members(packed).members] == [zeros.read_bytes()]
    bomb = members(packed, ContainerLimits(ratio=50, ratio_from_bytes=2**20))
    assert bomb.members == []
    assert "50倍" in bomb.notes[0]


@with_bsdtar
def test_a_7z_with_a_password_says_so(tmp_path: Path) -> None:
    # One text of a letter, encrypted; its name is not.
    body = base64.b64decode(
        "N3q8ryccAARFmI7BeQAAAAAAAAAUAAAAAAAAAIHWvcqbM0fj2gaeXXhBl+hqVySkAQBkAQQGAAEJEAoBIUgzfAAH"
        "CwEAAiQG8QcBElMPX+b2D480IFnd4zhafeUxpSEhARgBAAwFAQAICgG379yDAAAFARENAGEALgB0AHgAdAAAABQK"
        "AQBg6SZf63ndARUGAQAggKSBAAAAFwYQAQlpAAcLAQABISEBGAxlAAA="
    )
    reading = read_document(stored(tmp_path, body))
    assert reading.kind is DocumentKind.UNREADABLE
    assert "设有密码" in " ".join([reading.reason or "", *reading.notes])


@pytest.mark.parametrize("mark", [b"Rar!\x1a\x07\x01\x00", b"7z\xbc\xaf\x27\x1c\x00\x04"])
def test_without_bsdtar_rar_says_what_to_install(
    tmp_path: Path, mark: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = stored(tmp_path, mark + bytes(range(128, 256)) * 2)
    assert sniff(path.read_bytes()) in (MediaType.RAR, MediaType.SEVEN_ZIP)
    reading = read_document(path)
    assert reading.kind is DocumentKind.UNREADABLE
    assert "libarchive-tools" in (reading.reason or "")


@pytest.mark.parametrize("kind", ["zip", "gzip", "locked"])
def test_a_process_of_its_own_unpacks_the_same(tmp_path: Path, kind: str) -> None:
    inner = zipped({"表.txt": "收入支出决算总表".encode()})
    files = {"甲局/../说明.txt": b"1", "附件.zip": inner, "损坏.zip": b"PK\x03\x04" + b"x" * 60}
    body = {"zip": zipped(files), "gzip": gzip.compress(inner), "locked": b"no archive"}[kind]
    path = stored(tmp_path, body)
    if kind == "locked":
        with pytest.raises(UnreadableError) as told:
            members(path)
        with pytest.raises(UnreadableError, match=str(told.value)):
            unpacked(path)
        return
    assert unpacked(path) == members(path)


def test_unpacking_that_does_not_end_is_killed(tmp_path: Path) -> None:
    # A named pipe that nobody writes to: the process hangs in opening it.
    path = tmp_path / "pipe"
    os.mkfifo(path)
    began_s = time.monotonic()
    with pytest.raises(UnreadableError, match="解压超过1秒"):
        unpacked(path, Limits(wall_s=1.0))
    assert time.monotonic() - began_s < 30


def test_a_bomb_costs_the_unpacking_process_alone(tmp_path: Path) -> None:
    path = stored(tmp_path, zipped({"零.txt": bytes(120 * 2**20)}))
    contents = unpacked(path)
    assert contents.members == []
    assert "解压后超过原大小" in contents.notes[0]
    flood = stored(tmp_path, zipped({f"{n}.bin": os.urandom(2**20) for n in range(40)}))
    with pytest.raises(UnreadableError, match="内存"):
        unpacked(flood, Limits(rss_mb=20))
