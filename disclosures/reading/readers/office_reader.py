"""Word 97, WPS and RTF documents, converted by LibreOffice where it is installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Final

from disclosures.reading.readers.base import Extraction, UnreadableError
from disclosures.reading.readers.docx_reader import DocxReader

_COMMANDS: Final = ("soffice", "libreoffice")
_TIMEOUT_S: Final = 60.0
#: Without LibreOffice; tells auditors and operators what helps.
MISSING: Final = (
    "Word 97（.doc）、WPS（.wps）、RTF 或 ODT 文档，需要 LibreOffice 才能读取："
    "请在本机安装 LibreOffice（命令 soffice），或将文件另存为 .docx 或 PDF"
)


class OfficeReader:
    """Converts to docx and reads that. ``version`` is that of the reader of docx: LibreOffice
    tells its own only by being started."""

    name: Final = "libreoffice"
    version: Final = DocxReader.version
    stack: Final = "libreoffice"

    def read(self, path: Path, pages: Collection[int] | None = None) -> Extraction:
        command = next(filter(None, map(shutil.which, _COMMANDS)), None)
        if command is None:
            raise UnreadableError(MISSING)
        with tempfile.TemporaryDirectory(prefix="juesuan-office-") as folder:
            return DocxReader().read(_converted(command, path, Path(folder)))


def _converted(command: str, path: Path, folder: Path) -> Path:
    """The document as docx, made in ``folder``.

    Raises:
        UnreadableError: LibreOffice cannot convert it, or takes too long.
    """
    # Its own suffix does not matter, but a name that looks like an option would.
    source = folder / "document.doc"
    shutil.copyfile(path, source)
    out = folder / "out"
    process = subprocess.Popen(
        [
            command,
            # Of its own, because a second LibreOffice with the same profile hands its work to
            # the first one and ends.
            f"-env:UserInstallation={(folder / 'profile').as_uri()}",
            "--headless",
            "--norestore",
            "--nolockcheck",
            "--convert-to",
            "docx:MS Word 2007 XML",
            "--outdir",
            str(out),
            str(source),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise UnreadableError(
            f"LibreOffice 转换超过{_TIMEOUT_S:g}秒，请将文件另存为 .docx 或 PDF"
        ) from error
    finally:
        # soffice is a script whose children would outlive it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    result = out / "document.docx"
    if not result.is_file():
        raise UnreadableError("LibreOffice 未能转换该文件，请将文件另存为 .docx 或 PDF")
    return result
