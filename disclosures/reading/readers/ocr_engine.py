"""Character recognition by rapidocr. Its models lie in the wheel, so nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

NAME: Final = "ocr"
VERSION: Final = version("rapidocr")

# Height to which the model wants its lines, and the step of its widths.
_HEIGHT: Final = 48
_STEP: Final = 8
# Lines are recognised together up to this width in all: the scores of all letters at every
# place of a larger batch take longer to lay out in memory than to compute.
_BATCH_WIDTH: Final = 640
# A character that mainland print does not use gives way to one that it uses and that has at least
# this much of its probability: pale pictures show 決 for 决.
_STANDARD_SHARE: Final = 0.01
# Above this a page is scaled down to find its lines; letters stay larger than ten pixels.
_DETECT_SIDE: Final = 1400


@dataclass(frozen=True, slots=True)
class Line:
    """A recognised line: ``box`` is ``(x0, top, x1, bottom)`` in pixels, ``score`` 0 to 1."""

    text: str
    score: float
    box: tuple[int, int, int, int]


@cache
def _detector() -> Any:
    from rapidocr import RapidOCR

    models = files("rapidocr") / "models"
    return RapidOCR(
        params={
            "Global.log_level": "error",
            "Global.use_cls": False,
            "Global.max_side_len": 4000,
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
            # By default strips are enlarged until their short side has 736 pixels.
            "Det.limit_type": "max",
            "Det.limit_side_len": _DETECT_SIDE,
            # One thread each: a pool has a worker per processor.
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


@cache
def _recogniser() -> tuple[Any, tuple[str, ...], npt.NDArray[np.bool_]]:
    """The model's session, its characters (the first stands for nothing) and which of them are
    foreign to mainland print."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    session = InferenceSession(
        str(files("rapidocr") / "models" / "PP-OCRv6_rec_small.onnx"),
        options,
        providers=["CPUExecutionProvider"],
    )
    known = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    letters = ("", *known, " ")
    return session, letters, np.array([_is_foreign(letter) for letter in letters])


def _is_foreign(letter: str) -> bool:
    """Whether an ideograph is not of GB 2312, the characters of common use on the mainland."""
    if not "\u3400" <= letter <= "\u9fff":
        return False
    try:
        letter.encode("gb2312")
    except UnicodeEncodeError:
        return True
    return False


def recognise_crops(crops: Sequence[Image]) -> list[tuple[str, float]]:
    """Text and score of each gray image of one line."""
    session, letters, foreign = _recogniser()
    widths = [max(-(-_HEIGHT * crop.shape[1] // crop.shape[0]), _STEP) for crop in crops]
    read: list[tuple[str, float]] = [("", 0.0)] * len(crops)
    for batch in _batches(widths):
        width = -(-max(widths[n] for n in batch) // _STEP) * _STEP
        lines = np.zeros((len(batch), 3, _HEIGHT, width), dtype=np.float32)
        for place, n in enumerate(batch):
            lines[place, :, :, : widths[n]] = _scaled(crops[n], widths[n])
        [scores] = session.run(None, {session.get_inputs()[0].name: lines})
        for place, n in enumerate(batch):
            read[n] = _decoded(scores[place], letters, foreign)
    return read


def _batches(widths: Sequence[int]) -> Iterator[list[int]]:
    """Places of lines of like width that are recognised together."""
    batch: list[int] = []
    for n in sorted(range(len(widths)), key=lambda n: widths[n]):
        if batch and widths[n] * (len(batch) + 1) > _BATCH_WIDTH:
            yield batch
            batch = []
        batch.append(n)
    if batch:
        yield batch


def _scaled(crop: Image, width: int) -> npt.NDArray[np.float32]:
    import cv2

    scaled = cv2.resize(crop, (width, _HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.asarray(scaled, dtype=np.float32) / 127.5 - 1


def _decoded(
    scores: npt.NDArray[np.float32], letters: Sequence[str], foreign: npt.NDArray[np.bool_]
) -> tuple[str, float]:
    """The letters of a line from the probability of each at every step: runs are one letter."""
    best = scores.argmax(axis=1)
    score = scores.max(axis=1)
    for step in np.flatnonzero(foreign[best]):
        others = np.where(foreign, 0, scores[step])
        others[0] = 0
        other = int(others.argmax())
        if others[other] >= _STANDARD_SHARE * score[step]:
            best[step], score[step] = other, score[step] + others[other]
    starts = np.flatnonzero((best != 0) & np.concatenate(([True], best[1:] != best[:-1])))
    text = [letters[best[step]] for step in starts]
    sure = [float(score[step]) for step in starts]
    return "".join(text), sum(sure) / len(sure) if sure else 0.0


def detect(page: Image) -> list[tuple[int, int, int, int]]:
    """Boxes of the lines of a gray page, in pixels, from top to bottom."""
    import cv2

    height, width = page.shape
    if min(height, width) < 8:
        return []
    scale = min(1.0, _DETECT_SIDE / max(height, width))
    small = page if scale == 1 else cv2.resize(page, None, fx=scale, fy=scale, interpolation=3)
    found = _detector()(
        np.repeat(small[:, :, None], 3, 2), use_det=True, use_cls=False, use_rec=False
    )
    boxes: list[tuple[int, int, int, int]] = []
    for corners in () if found.boxes is None else found.boxes:
        xs, ys = corners[:, 0] / scale, corners[:, 1] / scale
        box = (
            max(int(xs.min()), 0),
            max(int(ys.min()), 0),
            min(int(xs.max()) + 1, width),
            min(int(ys.max()) + 1, height),
        )
        if box[2] - box[0] > 3 and box[3] - box[1] > 3:
            boxes.append(box)
    return sorted(boxes, key=lambda box: (box[1], box[0]))


def read_lines(page: Image) -> list[Line]:
    """The lines of a gray page, from top to bottom."""
    boxes = detect(page)
    texts = recognise_crops([page[top:bottom, x0:x1] for x0, top, x1, bottom in boxes])
    return [
        Line(text, score, box)
        for box, (text, score) in zip(boxes, texts, strict=True)
        if text.strip()
    ]
