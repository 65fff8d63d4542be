"""``juesuan check``: local files through the same stages, without a server and without network."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from disclosures import jsonl
from disclosures.assembly import DocumentReading
from disclosures.model import DocumentKind, Reading
from disclosures.reading import READER_VERSION
from disclosures.reading.containers import JOINED, Member, is_container
from disclosures.reading.readers.base import UnreadableError
from disclosures.reading.sniff import MediaType, sniff
from disclosures.reading.workers import Limits, unpacked
from disclosures.verdicts import Severity, State
from flows import steps
from flows.progress import advance
from flows.settings import Settings
from warehouse import load

#: Bytes by which a picture is told from other files.
_HEAD = 4096


class CheckError(Exception):
    """Nothing could be checked; the message says why."""


@dataclass(frozen=True)
class CheckOutcome:
    """What a check found, and where it is written (None: nowhere)."""

    check: jsonl.Check
    out: Path | None
    index: Path | None

    @property
    def errors(self) -> int:
        """Error-level findings that are confirmed, over all disclosures."""
        return sum(
            1
            for judgement in self.check.judgements.values()
            for finding in judgement.findings
            if finding.severity is Severity.ERROR and finding.state in (State.FAIL, State.ERROR)
        )


def files_below(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """The files to check, with the name under which they are reported.

    Raises:
        CheckError: a path does not exist, or there is no file at all.
    """
    missing = [_printed(path) for path in paths if not path.exists()]
    if missing:
        raise CheckError(f"no such file or folder: {', '.join(missing)}")
    found: dict[Path, str] = {}
    for path in paths:
        if path.is_dir():
            for inner in sorted(path.rglob("*")):
                if not inner.is_dir() and not inner.name.startswith("."):
                    found.setdefault(_resolved(inner), _printed(inner.relative_to(path)))
        else:
            found.setdefault(_resolved(path), _printed(path.name))
    if not found:
        raise CheckError(f"no files in {', '.join(map(str, paths))}")
    return [(name, path) for path, name in found.items()]


def _resolved(path: Path) -> Path:
    """Where a path leads; itself when it is a link that leads to itself."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()


def _printed(path: Path | str) -> str:
    """A name that can be printed and stored. Archives made on Chinese Windows leave names in
    GBK on systems whose names are UTF-8."""
    name = os.fsencode(path)
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("gb18030", "replace")


def _obstacle(path: Path) -> str | None:
    """Why a path cannot be read as a document, or None. Opening a pipe would wait for ever."""
    most = Limits().max_bytes
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return "不是普通文件（管道、套接字或设备），未读取"
        if status.st_size > most:
            return f"文件共{status.st_size}字节，超过上限{most}字节"
        with path.open("rb"):
            return None
    except OSError as error:
        return f"文件无法打开：{error.strerror or error}"


def check_paths(
    paths: Sequence[Path], settings: Settings, *, out: Path | None = None
) -> CheckOutcome:
    """Read, check and score local files.

    Results go to ``out``: .jsonl files, a warehouse of their own (unless the settings name one),
    an archive and the data docs. Without ``out`` nothing stays but what is returned.

    Raises:
        CheckError: nothing to check, or the folder of results cannot be written, or holds what
            no check has written.
    """
    files = files_below(paths)
    with ExitStack() as stack:
        if out is None:
            root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="juesuan-")))
        else:
            root = out
            try:
                root.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise CheckError(f"cannot write to {out}: {error.strerror}") from error
        if not settings.warehouse:
            _clear(root)
        work = steps.Workspace(settings.model_copy(update={"data": root}))
        stack.callback(lambda: work.engine.dispose())
        return _check(work, files, root, keep=out is not None)


def _clear(root: Path) -> None:
    """Remove what an earlier check left in its folder: results are replaced, not mixed.

    Raises:
        CheckError: what lies there is not of a check, such as the data folder of the nightly job.
    """
    warehouse, archive = root / "warehouse.db", root / "archive"
    if (warehouse.exists() or archive.exists()) and not _is_of_checks(warehouse):
        raise CheckError(
            f"{root} holds a warehouse or an archive that is not of a check; choose another --out"
        )
    shutil.rmtree(archive, ignore_errors=True)
    # Last, because it is what tells whose the folder is.
    for name in ("warehouse.db-wal", "warehouse.db-shm", "warehouse.db"):
        (root / name).unlink(missing_ok=True)


def _is_of_checks(warehouse: Path) -> bool:
    """Whether a file is a warehouse that nothing but checks has written to."""
    if not warehouse.is_file():
        return False
    try:
        with closing(sqlite3.connect(warehouse)) as connection:
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return True  # the check was killed before it had begun
            kinds = {kind for (kind,) in connection.execute("SELECT DISTINCT kind FROM raw_runs")}
    except sqlite3.Error:
        return False
    return kinds <= {"check"}


def _check(
    work: steps.Workspace, files: Sequence[tuple[str, Path]], root: Path, *, keep: bool
) -> CheckOutcome:
    parameters = {"files": [name for name, _ in files]}
    with steps.recorded_run(work, "check", parameters) as run:
        obstacles = {name: why for name, path in files if (why := _obstacle(path)) is not None}
        documents = _register(work, run.run_id, [f for f in files if f[0] not in obstacles])
        readings = {
            reading.sha256: reading
            for reading in steps.read_documents(work, run.run_id, [d for d, _, _ in documents])
        }
        disclosures = steps.assemble_local(
            work,
            run.run_id,
            [
                DocumentReading.of(
                    reading, reader_version=READER_VERSION, found_on=folder, order=order
                )
                for order, (document, _, folder) in enumerate(documents)
                for reading in readings[document.sha256].all()
            ],
        )
        versions = {d.disclosure_id: d.version for d in disclosures}
        judgements = {
            judgement.disclosure_id: judgement
            for judgement in steps.judge(work, run.run_id, versions, run.run_id[:8]).judgements
        }
        advance("校验", len(versions), len(versions), "")
        run.summary |= {"documents_read": len(readings), "disclosures": len(disclosures)}
    check = jsonl.Check(
        readings=[
            *(
                (name, reading)
                for document, name, _ in documents
                for reading in readings[document.sha256].all()
            ),
            *((name, _unopened(why)) for name, why in obstacles.items()),
        ],
        disclosures=disclosures,
        judgements=judgements,
    )
    if not keep:
        return CheckOutcome(check, None, None)
    jsonl.write_check(root, check)
    return CheckOutcome(check, root, steps.publish(work))


def _unopened(why: str) -> Reading:
    return Reading("", MediaType.BINARY, DocumentKind.UNREADABLE, reason=why)


def _register(
    work: steps.Workspace, run_id: str, files: Sequence[tuple[str, Path]]
) -> list[tuple[load.StoredDocument, str, str]]:
    """Put files into the archive; each with the name it is reported by and its folder. A copy of
    a file under another name is the same document and keeps both names."""
    registered = []
    local: dict[str, load.LocalDocument] = {}

    def take(name: str, body: bytes, folder: str) -> None:
        media_type = sniff(body).value
        sha256, archived_as = work.archive.put(body, media_type)
        local.setdefault(
            sha256, load.LocalDocument(sha256, media_type, len(body), archived_as, name)
        )
        stored = load.StoredDocument(sha256, media_type, archived_as, None, name)
        registered.append((stored, name, folder))

    joined = _joined_pictures(files)
    for name, path in files:
        if path in joined:
            scan = joined[path]
            if scan is not None:
                take(str(PurePosixPath(name).parent / scan.name), scan.body, str(path.parent))
            continue
        take(name, path.read_bytes(), str(path.parent))
        # What cannot be taken out of a container, the container's own reading tells.
        with suppress(UnreadableError):
            for member in unpacked(path).members if is_container(path) else ():
                inner = PurePosixPath(member.name).parent
                take(f"{name}/{member.name}", member.body, f"{path}/{inner}")
    load.save_local_documents(work.engine, run_id, local.values())
    return registered


def _joined_pictures(files: Sequence[tuple[str, Path]]) -> dict[Path, Member | None]:
    """Pictures of single pages that lie in one folder, the first of each with the scan that they
    make together."""
    folders: dict[Path, list[Path]] = {}
    for _, path in files:
        with path.open("rb") as file:
            if sniff(file.read(_HEAD)).is_image:
                folders.setdefault(path.parent, []).append(path)
    joined: dict[Path, Member | None] = {}
    for pictures in folders.values():
        if len(pictures) < 2:
            continue
        # Pictures are hostile until read: like an archive they are opened by a process of its own.
        with tempfile.NamedTemporaryFile(prefix="juesuan-pictures-") as packed:
            with zipfile.ZipFile(packed, "w") as package:
                for path in pictures:
                    package.write(path, _printed(path.name))
            packed.flush()
            with suppress(UnreadableError):
                found = unpacked(Path(packed.name)).members
                left = {member.body for member in found}
                gone = [path for path in pictures if path.read_bytes() not in left]
                scan = next((member for member in found if member.name == JOINED), None)
                if scan is not None:
                    joined |= {path: scan if path == gone[0] else None for path in gone}
    return joined
