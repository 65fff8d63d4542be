"""Character recognition by rapidocr. Its models lie in the wheel, so nothing is fetched."""

from __future__ import annotations

from collections.abc import Sequence
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

# Crops are padded to this width at least; the library's own 320 makes short figures three times
# as slow as need be.
_LEAST_WIDTH: Final = 32
_BATCH: Final = 16
# Above this a page is scaled down to find its lines; letters stay larger than ten pixels.
_DETECT_SIDE: Final = 1400


@dataclass(frozen=True, slots=True)
class Line:
    """A recognised line: ``box`` is ``(x0, top, x1, bottom)`` in pixels, ``score`` 0 to 1."""

    text: str
    score: float
    box: tuple[int, int, int, int]


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    models = files("rapidocr") / "models"
    return RapidOCR(
        params={
            "Global.log_level": "error",
            "Global.use_cls": False,
            "Global.max_side_len": 4000,
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
            "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
            # By default strips are enlarged until their short side has 736 pixels.
            "Det.limit_type": "max",
            "Det.limit_side_len": _DETECT_SIDE,
            "Rec.rec_batch_num": _BATCH,
            "Rec.rec_img_shape": [3, 48, _LEAST_WIDTH],
            # One thread each: a pool has a worker per processor.
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def recognise_crops(crops: Sequence[Image]) -> list[tuple[str, float]]:
    """Text and score of each gray image of one line."""
    if not crops:
        return []
    found = _engine().recognize_txt([np.repeat(crop[:, :, None], 3, 2) for crop in crops])
    return [(str(text), float(score)) for text, score in zip(found.txts, found.scores, strict=True)]


def detect(page: Image) -> list[tuple[int, int, int, int]]:
    """Boxes of the lines of a gray page, in pixels, from top to bottom."""
    import cv2

    height, width = page.shape
    if min(height, width) < 8:
        return []
    scale = min(1.0, _DETECT_SIDE / max(height, width))
    small = page if scale == 1 else cv2.resize(page, None, fx=scale, fy=scale, interpolation=3)
    found = _engine()(
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
