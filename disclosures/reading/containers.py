"""Archives of documents: which files a zip or gzip holds, opened under limits.

A container is no document. Its members are documents of their own, each with its own hash; what
cannot be opened says so in the reason. Names of members are labels, never paths.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Final

from disclosures.reading.packages import ZIP_ERRORS, PackageLimits, directory
from disclosures.reading.readers.base import UnreadableError
from disclosures.reading.sniff import MediaType, sniff

CONTAINERS: Final = frozenset({MediaType.ZIP, MediaType.GZIP})
#: Why other archives stay closed: no free reader of these formats comes as a plain library.
CLOSED: Final = {
    MediaType.RAR: "RAR 压缩包，本系统不能解压，请解压后提交，或转为 ZIP",
    MediaType.SEVEN_ZIP: "7z 压缩包，本系统不能解压，请解压后提交，或转为 ZIP",
}

_UTF8_NAME: Final = 0x800
_CHUNK: Final = 2**20
# What systems add to archives on their own.
_LITTER: Final = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True, slots=True)
class ContainerLimits:
    """What a container may hold, everything inside nested ones included."""

    members: int = 500
    member_bytes: int = 256 * 2**20
    unpacked_bytes: int = 512 * 2**20
    ratio: int = 200
    ratio_from_bytes: int = 48 * 2**20
    depth: int = 3


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a container: its label (folders and nested containers included) and bytes."""

    name: str
    body: bytes


@dataclass(slots=True)
class Contents:
    """``members`` were taken out; ``notes`` tell what was not, and why."""

    members: list[Member] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Budget:
    """What is left for a container and all inside it; once ``exhausted`` nothing goes on."""

    limits: ContainerLimits
    members: int = 0
    unpacked_bytes: int = 0
    exhausted: bool = False

    def take(self, length: int) -> None:
        self.unpacked_bytes += length
        if self.unpacked_bytes > self.limits.unpacked_bytes:
            self.exhausted = True
            raise UnreadableError(f"压缩包解压后超过上限{self.limits.unpacked_bytes >> 20} MB")

    def count(self) -> None:
        self.members += 1
        if self.members > self.limits.members:
            self.exhausted = True
            raise UnreadableError(f"压缩包内的文件超过上限{self.limits.members}个")


def is_container(path: Path) -> bool:
    """Whether a file is an archive whose members are to be read. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(4)
    # Most documents are told apart without being read as a whole.
    return head.startswith((b"PK", b"\x1f\x8b")) and sniff(path.read_bytes()) in CONTAINERS


def members(path: Path, limits: ContainerLimits = ContainerLimits()) -> Contents:
    """The files in a container, those of nested containers included.

    Raises:
        UnreadableError: not a container, damaged, encrypted as a whole, or beyond the limits.
    """
    contents = Contents()
    try:
        body = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"文件无法打开：{error.strerror or error}") from error
    _open(body, sniff(body), "", 1, _Budget(limits), contents)
    if not contents.members and not contents.notes:
        raise UnreadableError("压缩包内没有文件，请重新下载")
    return contents


def _open(
    body: bytes, kind: MediaType, prefix: str, depth: int, budget: _Budget, contents: Contents
) -> None:
    if kind is MediaType.GZIP:
        found: Iterator[Member] = _gzip_member(body, prefix, budget)
    elif kind is MediaType.ZIP:
        found = _zip_members(body, prefix, budget, contents)
    else:
        raise UnreadableError(CLOSED.get(kind, "不是压缩包"))
    for member in found:
        inner = sniff(member.body)
        if inner not in CONTAINERS:
            contents.members.append(member)
            continue
        if depth >= budget.limits.depth:
            contents.notes.append(f"“{member.name}”：压缩包嵌套超过{budget.limits.depth}层，未打开")
            continue
        try:
            _open(member.body, inner, f"{member.name}/", depth + 1, budget, contents)
        except UnreadableError as error:
            if budget.exhausted:
                raise
            contents.notes.append(f"“{member.name}”：{error}")


def _gzip_member(body: bytes, prefix: str, budget: _Budget) -> Iterator[Member]:
    budget.count()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            unpacked = _read(file, len(body), budget)
    except (*ZIP_ERRORS, gzip.BadGzipFile) as error:
        raise UnreadableError(f"压缩包已损坏（{error}），请重新下载") from error
    yield Member(f"{prefix}解压内容", unpacked)


def _zip_members(body: bytes, prefix: str, budget: _Budget, contents: Contents) -> Iterator[Member]:
    try:
        entries = directory(io.BytesIO(body), PackageLimits(members=budget.limits.members))
        package = zipfile.ZipFile(io.BytesIO(body))
    except ZIP_ERRORS as error:
        raise UnreadableError(f"压缩包已损坏（{error}），请重新下载") from error
    with package:
        for entry in entries:
            name = _name(entry)
            label = prefix + name
            if entry.is_dir() or name.startswith(_LITTER) or name.endswith(_LITTER):
                continue
            budget.count()
            if entry.flag_bits & 0x1:
                contents.notes.append(f"“{label}”：设有密码，请向发布单位索取不加密的版本")
                continue
            try:
                with package.open(entry) as file:
                    unpacked = _read(file, max(entry.compress_size, 1), budget)
            except UnreadableError as error:
                if budget.exhausted:
                    raise
                contents.notes.append(f"“{label}”：{error}")
                continue
            except ZIP_ERRORS as error:
                contents.notes.append(f"“{label}”：已损坏（{error}），请重新下载")
                continue
            yield Member(label, unpacked)


def _read(file: IO[bytes] | gzip.GzipFile, packed: int, budget: _Budget) -> bytes:
    """Unpack by pieces, whatever length the directory claims."""
    limits = budget.limits
    taken = io.BytesIO()
    while piece := file.read(_CHUNK):
        budget.take(len(piece))
        taken.write(piece)
        length = taken.tell()
        if length > limits.member_bytes:
            raise UnreadableError(f"解压后超过上限{limits.member_bytes >> 20} MB")
        if length > limits.ratio_from_bytes and length > packed * limits.ratio:
            raise UnreadableError(f"解压后超过原大小的{limits.ratio}倍，正常的文件不会如此")
    return taken.getvalue()


def _name(entry: zipfile.ZipInfo) -> str:
    """A member's label. Chinese systems store names in GBK without saying so."""
    name = entry.filename
    if not entry.flag_bits & _UTF8_NAME:
        raw = name.encode("cp437", "replace")
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    parts = PurePosixPath(name.replace("\\", "/")).parts
    kept = [part for part in parts if part not in ("/", "..", ".")]
    label = "/".join(kept)
    # Control characters and surrogates have no place in what is shown and stored.
    return "".join(c for c in label if c.isprintable())[:200] or "未命名"
