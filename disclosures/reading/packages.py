"""Zip packages (xlsx, docx, ods) looked through before a library is given the file.

The libraries that read them unpack whatever a package claims to hold, each by rules of its own.
A package that is sound by these checks is small, undamaged and the same for all of them.
"""

from __future__ import annotations

import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from disclosures.reading.readers.base import UnreadableError

#: What :mod:`zipfile` raises on damaged or hostile files.
ZIP_ERRORS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    RuntimeError,  # encrypted; includes NotImplementedError
    OSError,
    ValueError,
    IndexError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class PackageLimits:
    """What a package may hold. ``ratio`` counts only above ``ratio_from_bytes``: short texts of
    blanks pack well."""

    members: int = 10_000
    unpacked_bytes: int = 512 * 2**20
    ratio: int = 100
    ratio_from_bytes: int = 48 * 2**20


_END_RECORD: Final = 22
_LONGEST_COMMENT: Final = 2**16
# Directory entries are 46 bytes and a name.
_ENTRY_BYTES: Final = 46 + 512
_CHUNK: Final = 2**20
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_XML: Final = (".xml", ".rels", ".vml")
_DOCTYPE: Final = re.compile(rb"<\x00?!\x00?D\x00?O\x00?C\x00?T\x00?Y\x00?P\x00?E", re.I)


def directory(file: IO[bytes], limits: PackageLimits = PackageLimits()) -> list[zipfile.ZipInfo]:
    """The members of a zip, refused before they are listed when there are too many.

    Raises:
        UnreadableError: too many members.
        Exception: one of ``ZIP_ERRORS``.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _END_RECORD - _LONGEST_COMMENT))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if 0 <= end <= len(tail) - _END_RECORD:
        (length,) = struct.unpack_from("<L", tail, end + 12)
        # All ones: a zip64 directory, which only packages beyond all limits need.
        if length > limits.members * _ENTRY_BYTES:
            raise UnreadableError(f"压缩包内的文件超过上限{limits.members}个")
    with zipfile.ZipFile(file) as package:
        members = package.infolist()
    if len(members) > limits.members:
        raise UnreadableError(f"压缩包内有{len(members)}个文件，超过上限{limits.members}个")
    return members


def demand_sound(path: Path, limits: PackageLimits = PackageLimits()) -> None:
    """Unpack every member of an office document once, keeping nothing.

    Raises:
        UnreadableError: damaged, encrypted, or larger than the limits, with the reason.
    """
    try:
        with path.open("rb") as file:
            members = directory(file, limits)
            _demand_distinct(members)
            _demand_small(sum(m.file_size for m in members), path.stat().st_size, limits)
            unpacked = 0
            for member in members:
                unpacked += _demand_whole(file, member, limits.unpacked_bytes - unpacked)
    except ZIP_ERRORS as error:
        raise UnreadableError(f"文件已损坏（{error}），请重新下载") from error


def _demand_small(unpacked: int, packed: int, limits: PackageLimits) -> None:
    if unpacked > limits.unpacked_bytes:
        raise UnreadableError(
            f"文件解压后达{unpacked >> 20} MB，超过上限{limits.unpacked_bytes >> 20} MB"
        )
    if unpacked > limits.ratio_from_bytes and unpacked > packed * limits.ratio:
        raise UnreadableError(
            f"文件解压后是原大小的{unpacked // packed}倍（{unpacked >> 20} MB），正常的文件不会如此"
        )


def _demand_distinct(members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse what libraries read differently: members of one name, members that overlap."""
    names: set[str] = set()
    end = 0
    for member in sorted(members, key=lambda m: m.header_offset):
        if member.filename in names:
            raise UnreadableError(f"文件已损坏：内有两个{member.filename[:80]!r}")
        names.add(member.filename)
        if member.header_offset < end:
            raise UnreadableError(f"文件已损坏：{member.filename[:80]!r}与其他部分重叠")
        end = member.header_offset + 30 + member.compress_size


def _demand_whole(file: IO[bytes], member: zipfile.ZipInfo, most: int) -> int:
    """Unpack one member as far as its own end, whatever length the directory claims.

    Returns:
        its unpacked length in bytes.
    """
    name = repr(member.filename[:80])
    if member.flag_bits & 0x1:
        raise UnreadableError("文件设有密码，请向发布单位索取不加密的版本")
    if member.compress_type not in _METHODS:
        raise UnreadableError(f"文件已损坏：{name}的压缩方式不是办公文档所用的")
    file.seek(member.header_offset)
    header = file.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise UnreadableError(f"文件已损坏：目录所指之处没有{name}")
    name_length, extra_length = struct.unpack_from("<HH", header, 26)
    file.seek(name_length + extra_length, io.SEEK_CUR)
    inflate = zlib.decompressobj(-15) if member.compress_type == zipfile.ZIP_DEFLATED else None
    left, length, crc = member.compress_size, 0, 0
    is_xml = member.filename.lower().endswith(_XML)
    while left > 0:
        packed = file.read(min(left, _CHUNK))
        if not packed:
            raise UnreadableError(f"文件已损坏：{name}不完整，请重新下载")
        left -= len(packed)
        while packed:
            data = inflate.decompress(packed, _CHUNK) if inflate else packed
            packed = inflate.unconsumed_tail if inflate else b""
            length += len(data)
            crc = zlib.crc32(data, crc)
            # ECMA-376 part 2 forbids document type declarations; they serve entity bombs only.
            if is_xml and _DOCTYPE.search(data):
                raise UnreadableError(f"{name}含有文档类型声明，正常的办公文档不会有")
            if length > min(most, member.file_size):
                raise UnreadableError(f"文件已损坏：{name}的实际长度超过所称长度")
    if length != member.file_size or crc != member.CRC or (inflate and not inflate.eof):
        raise UnreadableError(f"文件已损坏：{name}校验和不符，请重新下载")
    return length
