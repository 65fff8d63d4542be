"""The bytes of attachments: made once, then kept under the hash of all that they come from."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from functools import cache
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path

import mplfonts
import typst
import yaml

import disclosures.rendering
from connectors.replica.offer import (
    Attachment,
    DeadLink,
    Paper,
    RenderedDisclosure,
    SavedPage,
    Truncated,
)
from disclosures.rendering import load_figures, render

_OWN = files(__package__)


class Store:
    """Files of the portals below ``root``; an entry is never changed once it is written."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def body_of(self, attachment: Attachment) -> bytes:
        """The file of an attachment, rendered on first use.

        Raises:
            LookupError: the attachment has no file of its own (a dead link, a saved page).
        """
        content = attachment.of
        if isinstance(content, DeadLink | SavedPage):
            raise LookupError(f"{attachment.name} has no file")
        if isinstance(content, Truncated):
            return self._disclosure(content.of)[: content.kept_bytes]
        if isinstance(content, Paper):
            return self._paper(content)
        return self._disclosure(content)

    def _disclosure(self, wanted: RenderedDisclosure) -> bytes:
        source = _OWN / "figures" / f"{wanted.figures}.yaml"
        key = _key(source.read_bytes(), wanted.layout, wanted.format, _renderer())
        body = self._kept(key)
        if body is None:
            with as_file(source) as path:
                figures = load_figures(path)
            body = render(figures, wanted.layout, wanted.format)
            self._keep(key, body)
        return body

    def _paper(self, wanted: Paper) -> bytes:
        template = (_OWN / "papers" / "paper.typ").read_bytes()
        data = (_OWN / "papers" / f"{wanted.paper}.yaml").read_bytes()
        key = _key(template, data, version("typst"), version("mplfonts"))
        body = self._kept(key)
        if body is None:
            body = typst.compile(
                template,
                font_paths=_fonts(),
                format="pdf",
                sys_inputs={"paper": json.dumps(yaml.safe_load(data), ensure_ascii=False)},
                timestamp=0,
            )
            self._keep(key, body)
        return body

    def _kept(self, key: str) -> bytes | None:
        path = self._root / key[:2] / key
        return path.read_bytes() if path.exists() else None

    def _keep(self, key: str, body: bytes) -> None:
        """Write through a temporary file: a killed start leaves no half of a document."""
        folder = self._root / key[:2]
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        os.replace(name, folder / key)


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(Path(mplfonts.__file__).parent / "fonts")],
    )


def _key(*sources: bytes | str) -> str:
    """Hash of several sources; their lengths keep them apart."""
    whole = hashlib.sha256()
    for source in sources:
        data = source.encode() if isinstance(source, str) else source
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()


@cache
def _renderer() -> str:
    """Identity of the renderer: its code, layouts and wordings, and the libraries that write."""
    root = Path(disclosures.rendering.__file__).parent
    sources = sorted(p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    libraries = (version(name) for name in ("typst", "mplfonts", "openpyxl", "python-docx"))
    return _key(*(path.read_bytes() for path in sources), *libraries)
