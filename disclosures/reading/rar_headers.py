"""What the headers of a RAR archive (versions 4 and 5) say of its files.

libarchive neither compares the check sums of all files nor tells which are encrypted: without
these headers garbage would pass for content.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from disclosures.reading.readers.base import UnreadableError

_MARK_4: Final = b"Rar!\x1a\x07\x00"
_MARK_5: Final = b"Rar!\x1a\x07\x01\x00"
_LOCKED: Final = "压缩包设有密码，请向发布单位索取不加密的版本"
_VOLUME: Final = "压缩包是分卷的一部分，请合并解压后提交，或转为 ZIP"


@dataclass(frozen=True, slots=True)
class RarEntry:
    """A file, folder or link. ``crc32`` is None where the archive tells none."""

    length: int
    crc32: int | None
    encrypted: bool


def rar_entries(body: bytes, most: int) -> list[RarEntry]:
    """The entries in the order of the archive.

    Raises:
        UnreadableError: damaged, encrypted as a whole, a part of several, or of more than ``most``
            entries.
    """
    walk = _version_5 if body.startswith(_MARK_5) else _version_4
    try:
        found = walk(body, most)
    except (struct.error, IndexError) as error:
        raise UnreadableError("压缩包已损坏（文件头不完整），请重新下载") from error
    if len(found) > most:
        raise UnreadableError(f"压缩包内的文件超过上限{most}个")
    return found


def _version_4(body: bytes, most: int) -> list[RarEntry]:
    found: list[RarEntry] = []
    at = len(_MARK_4)
    while at < len(body) and len(found) <= most:
        _, kind, flags, size = struct.unpack_from("<HBHH", body, at)
        if size < 7:
            raise IndexError
        data = struct.unpack_from("<I", body, at + 7)[0] if flags & 0x8000 else 0
        if kind == 0x73:
            if flags & 0x80:
                raise UnreadableError(_LOCKED)
            if flags & 0x01:
                raise UnreadableError(_VOLUME)
        elif kind == 0x74:
            packed, length, _, crc32 = struct.unpack_from("<IIBI", body, at + 7)
            if flags & 0x100:
                high_packed, high_length = struct.unpack_from("<II", body, at + 32)
                data = packed + (high_packed << 32)
                length += high_length << 32
            folder = flags & 0xE0 == 0xE0
            found.append(RarEntry(length, None if folder else crc32, bool(flags & 0x04)))
        elif kind == 0x7B:
            break
        at += size + data
    return found


def _version_5(body: bytes, most: int) -> list[RarEntry]:
    found: list[RarEntry] = []
    at = len(_MARK_5)
    while at < len(body) and len(found) <= most:
        size, start = _number(body, at + 4)
        kind, here = _number(body, start)
        flags, here = _number(body, here)
        extra, here = _number(body, here) if flags & 0x01 else (0, here)
        data, here = _number(body, here) if flags & 0x02 else (0, here)
        end = start + size
        if kind == 4:
            raise UnreadableError(_LOCKED)
        if kind == 1 and _number(body, here)[0] & 0x01:
            raise UnreadableError(_VOLUME)
        if kind == 2:
            about, here = _number(body, here)
            length, here = _number(body, here)
            _, here = _number(body, here)
            here += 4 if about & 0x02 else 0
            crc32 = struct.unpack_from("<I", body, here)[0] if about & 0x04 else None
            found.append(RarEntry(length, crc32, _is_encrypted(body, end - extra, end)))
        elif kind == 5:
            break
        at = end + data
    return found


def _is_encrypted(body: bytes, at: int, end: int) -> bool:
    """Whether one of the records of an extra area is that of encryption."""
    while at < end:
        size, start = _number(body, at)
        if _number(body, start)[0] == 1:
            return True
        at = start + size
    return False


def _number(body: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where the next thing begins."""
    value = 0
    for shift in range(0, 70, 7):
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
    raise IndexError
