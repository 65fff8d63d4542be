"""Archives of documents: which files a zip, gzip, rar or 7z holds, opened under limits.

A container is no document. Its members are documents of their own, each with its own hash; only
pictures of single pages are joined (:mod:`disclosures.reading.page_pictures`). What cannot be
opened says so in the reason. Names of members are labels, never paths. No free library
for Python opens rar and 7z: ``bsdtar`` (libarchive) does, where it is installed. It hands their
members over as a tar on a pipe, so that nothing is written by their names.
"""

from __future__ import annotations

import gzip
import io
import os
import resource
import shutil
import subprocess
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Final

from disclosures.reading import page_pictures
from disclosures.reading.packages import ZIP_ERRORS, PackageLimits, directory
from disclosures.reading.rar_headers import RarEntry, rar_entries
from disclosures.reading.readers.base import UnreadableError
from disclosures.reading.sniff import MediaType, sniff

CONTAINERS: Final = frozenset({MediaType.ZIP, MediaType.GZIP, MediaType.RAR, MediaType.SEVEN_ZIP})
_PIPED: Final = {MediaType.RAR: "RAR", MediaType.SEVEN_ZIP: "7z"}
_HEADS: Final = (b"PK", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")
_COMMAND: Final = "bsdtar"
#: Without bsdtar; tells auditors and operators what helps.
MISSING: Final = (
    "{} 压缩包，需要 bsdtar 才能解压：请在本机安装 libarchive-tools（命令 bsdtar），"
    "或解压后提交，或转为 ZIP"
)
_CPU_S: Final = 60
_MEMORY_BYTES: Final = 2**30

_UTF8_NAME: Final = 0x800
#: The name of pictures of pages that were joined.
JOINED: Final = "图片合并.pdf"
_CHUNK: Final = 2**20
# What systems add to archives on their own.
_LITTER: Final = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True, slots=True)
class ContainerLimits:
    """What a container may hold, everything inside nested ones included. Of pictures of pages as
    many are joined as a scan may have."""

    members: int = 500
    member_bytes: int = 256 * 2**20
    unpacked_bytes: int = 512 * 2**20
    ratio: int = 200
    ratio_from_bytes: int = 48 * 2**20
    depth: int = 3
    joined_pictures: int = 120


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
    return head.startswith(_HEADS) and sniff(path.read_bytes()) in CONTAINERS


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
    contents.members = _with_pictures_joined(contents, limits)
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
    elif kind in _PIPED:
        found = _piped_members(body, kind, prefix, budget, contents)
    else:
        raise UnreadableError("不是压缩包")
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


def _with_pictures_joined(contents: Contents, limits: ContainerLimits) -> list[Member]:
    """The members, pictures of single pages that lie in one folder as one scan."""
    sets: dict[PurePosixPath, list[Member]] = {}
    for member in contents.members:
        if sniff(member.body).is_image and page_pictures.is_page_picture(member.body):
            sets.setdefault(PurePosixPath(member.name).parent, []).append(member)
    joined: dict[int, Member] = {}
    gone: set[int] = set()
    for folder, pictures in sets.items():
        if len(pictures) < 2:
            continue
        where = f"“{folder}”中" if folder.name else ""
        try:
            if len(pictures) > limits.joined_pictures:
                raise page_pictures.NotPagesError(f"超过上限{limits.joined_pictures}张")
            scan = page_pictures.join(
                [(PurePosixPath(one.name).name, one.body) for one in pictures]
            )
            if len(scan) > limits.member_bytes:
                raise page_pictures.NotPagesError(f"合并后超过{limits.member_bytes >> 20} MB")
        except page_pictures.NotPagesError as error:
            contents.notes.append(f"{where}{len(pictures)}张图片未合并，各自读取：{error}")
            continue
        contents.notes.append(f"{where}{len(pictures)}张页面图片按文件名顺序合并为一份文件读取")
        joined[id(pictures[0])] = Member(str(folder / JOINED), scan)
        gone |= {id(one) for one in pictures}
    kept = (joined.get(id(m)) or (None if id(m) in gone else m) for m in contents.members)
    return [member for member in kept if member is not None]


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


def _piped_members(
    body: bytes, kind: MediaType, prefix: str, budget: _Budget, contents: Contents
) -> Iterator[Member]:
    command = shutil.which(_COMMAND)
    if command is None:
        raise UnreadableError(MISSING.format(_PIPED[kind]))
    headers = rar_entries(body, budget.limits.members * 4) if kind is MediaType.RAR else None
    with (
        tempfile.NamedTemporaryFile(prefix="juesuan-archive-") as packed,
        tempfile.TemporaryFile() as said,
    ):
        # In a file where it can seek, libarchive takes a rar that ends with a zip for the zip; a
        # 7z it cannot read without seeking.
        source = f"@{packed.name}" if headers is None else "@-"
        packed.write(body if headers is None else b"")
        packed.flush()
        process = subprocess.Popen(
            [command, "-c", "-f", "-", "--format=pax", source],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        feeder = threading.Thread(target=_feed, args=(process.stdin, body if headers else b""))
        feeder.start()
        try:
            with suppress(ProcessLookupError):
                resource.prlimit(process.pid, resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
                resource.prlimit(process.pid, resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
            # What comes last may be damaged, which shows only when bsdtar has ended.
            last: Member | None = None
            with suppress(tarfile.TarError, EOFError):
                tarred = _tarred(process.stdout, len(body), headers, prefix, budget, contents)
                for member in tarred:
                    if last is not None:
                        yield last
                    last = member
            process.stdout.close()
            code = process.wait()
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            feeder.join()
        said.seek(0)
        complaint = said.read(4096).decode("utf-8", "replace").strip()
    if code == 0:
        if last is not None:
            yield last
        return
    cause = complaint.rpartition(": ")[2][:120]
    if "ncrypt" in complaint or "assphrase" in complaint:
        why = "设有密码，请向发布单位索取不加密的版本"
    elif cause == "(null)":
        # libarchive gives no cause for a 7z whose files, but not their names, are encrypted.
        why = "设有密码或已损坏，请重新下载，仍不能打开则向发布单位索取不加密的版本"
    else:
        why = f"已损坏或格式不受支持（{cause or code}），请重新下载"
    if last is None:
        raise UnreadableError(f"压缩包{why}")
    contents.notes.append(f"“{last.name}”及其后的文件：{why}")


def _feed(pipe: IO[bytes], body: bytes) -> None:
    with suppress(OSError), pipe:
        pipe.write(body)


def _tarred(
    stream: IO[bytes],
    packed: int,
    headers: Sequence[RarEntry] | None,
    prefix: str,
    budget: _Budget,
    contents: Contents,
) -> Iterator[Member]:
    """The files of a tar on a pipe; ``packed`` is the length of the archive that they come from,
    ``headers`` what it says of them."""
    with tarfile.open(
        fileobj=stream, mode="r|", encoding="utf-8", errors="surrogateescape"
    ) as package:
        for number, entry in enumerate(package):
            header = headers[number] if headers and number < len(headers) else None
            if headers is not None and header is None:
                raise UnreadableError("压缩包已损坏（文件头与内容不符），请重新下载")
            name = _label(_decoded(os.fsencode(entry.name)))
            label = prefix + name
            if entry.isdir() or name.startswith(_LITTER) or name.endswith(_LITTER):
                continue
            budget.count()
            file = package.extractfile(entry) if entry.isreg() else None
            if file is None:
                contents.notes.append(f"“{label}”：不是普通文件（链接或设备），未读取")
                continue
            if header is not None and header.encrypted:
                contents.notes.append(f"“{label}”：设有密码，请向发布单位索取不加密的版本")
                continue
            try:
                unpacked = _read(file, packed, budget)
            except UnreadableError as error:
                if budget.exhausted:
                    raise
                contents.notes.append(f"“{label}”：{error}")
                continue
            if header is not None and not _is_whole(unpacked, header):
                contents.notes.append(f"“{label}”：已损坏（校验和不符），请重新下载")
                continue
            yield Member(label, unpacked)


def _is_whole(body: bytes, header: RarEntry) -> bool:
    return len(body) == header.length and header.crc32 in (None, zlib.crc32(body))


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
        name = _decoded(name.encode("cp437", "replace"))
    return _label(name)


def _decoded(raw: bytes) -> str:
    """A name in the one of the encodings of Chinese systems that it is in."""
    for encoding in ("utf-8", "gb18030"):
        with suppress(UnicodeDecodeError):
            return raw.decode(encoding)
    return raw.decode("ascii", "replace")


def _label(name: str) -> str:
    """A name without what would lead elsewhere or cannot be shown."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    kept = [part for part in parts if part not in ("/", "..", ".")]
    label = "/".join(kept)
    # Control characters and surrogates have no place in what is shown and stored.
    return "".join(c for c in label if c.isprintable())[:200] or "未命名"
