"""Seals on pictures of pages: their ink is taken off what they cover.

A red seal is known by its colour. On a picture without colours a seal is known by its strokes,
which are wider than those of print, lighter than its ink, and of one shade.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from disclosures.reading.readers.ocr_engine import Image

PixelBox = tuple[int, int, int, int]

# Red exceeds the other colours by so much in the ink of seals, which are as wide and high as this;
# at least this share of the smallest is ink.
_REDDISH: Final = 40
_SIZE_MM: Final = (18.0, 65.0)
_INKED: Final = 0.03
_LIGHT: Final = 40
_SHADE: Final = 185
# Strokes of seals are wider than print is in tables; a letter upon them is no wider than this.
_STROKE_MM: Final = 0.8
_BETWEEN_MM: Final = 2.5
_AROUND_MM: Final = 3.0
# A grey seal is darker than paper by this much at least, and lighter than print: black is this.
_DARKER: Final = 40
_BLACK: Final = 70
# Within its strokes shades differ by no more than this.
_EVEN: Final = 16
_GRAIN: Final = 50
# Steps from a seal's bare strokes into their edges.
_STEPS: Final = 6
# Pixels of what is left of them at most.
_SPECK: Final = 16
# Rulings are this long at least, and this much darker than what is beside them.
_RULING_MM: Final = 8.0
_LINE: Final = 25
# Height and width of a seal hardly differ.
_ROUND: Final = 0.6


def without_seals(colours: Image, dpi: float) -> tuple[Image, list[PixelBox]]:
    """A page in grey, with seals taken off what they cover, and where they were. Red print and
    grey shades elsewhere stay."""
    grey = np.asarray(cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    red, green, blue = (colours[:, :, channel].astype(np.int16) for channel in range(3))
    reddish = ((red - np.maximum(green, blue)) > _REDDISH).astype(np.uint8)
    boxes = _places(reddish, dpi)
    for box in boxes:
        place = _part(box)
        # What is black is black in the red of the picture, too; the seal's ink becomes paper.
        inked = red[place][reddish[place] > 0]
        light = max(float(np.percentile(inked, _LIGHT)), 1.0)
        cleaned = np.clip(red[place] * (255.0 / light), 0, 255).astype(np.uint8)
        grey[place] = np.where(cleaned > _SHADE, np.uint8(255), cleaned)
    if not boxes:
        boxes = _take_off_grey(grey, dpi)
    return grey, boxes


def _take_off_grey(grey: Image, dpi: float) -> list[PixelBox]:
    """Take grey seals off a page, in place; where they were."""
    paper = float(np.median(grey))
    # Without grain, and, second, without what is thinner than the strokes of a seal.
    smooth = np.asarray(cv2.medianBlur(grey, 3), dtype=np.uint8)
    closed = cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, _disc(_STROKE_MM, dpi))
    wide = np.asarray(closed, dtype=np.uint8)
    boxes = [
        box
        for box in _places(_even(wide, grey, paper).astype(np.uint8), dpi)
        if min(box[2] - box[0], box[3] - box[1]) >= _ROUND * max(box[2] - box[0], box[3] - box[1])
    ]
    for box in boxes:
        place = _part(box)
        seeds = _even(smooth[place], grey[place], paper)
        if not seeds.any():
            continue
        usual = float(np.median(smooth[place][seeds]))
        seeds &= np.abs(smooth[place] - usual) <= 2 * _EVEN
        level = _level(smooth[place], seeds, dpi)
        seal = _grown(seeds, smooth[place], level)
        # Where the seal lies below print its bare strokes are on all sides.
        between = cv2.morphologyEx(seal, cv2.MORPH_CLOSE, _disc(_BETWEEN_MM, dpi)) > 0
        below = (between & (wide[place] <= level + _EVEN)).astype(np.uint8)
        covered = cv2.dilate(seal | below, np.ones((3, 3), np.uint8)) > 0
        cleaned = np.clip(grey[place] * np.where(covered, paper / level, 1.0), 0, 255)
        # Pale rulings are as light as the seal, but longer than its strokes.
        kept = _rulings(grey[place], dpi)
        cleaned = np.where(kept, np.minimum(grey[place], cleaned), cleaned).astype(np.uint8)
        cleaned[_specks(cleaned < paper - _DARKER, grey[place] >= level - _EVEN)] = paper
        grey[place] = cleaned
    return boxes


def _even(page: npt.NDArray[np.uint8], grey: Image, paper: float) -> npt.NDArray[np.bool_]:
    """Where a smoothed page is of one shade between black and paper, and was before but for
    grain: small print is smoothed into shades."""
    square = np.ones((3, 3), np.uint8)
    spread = cv2.morphologyEx(page, cv2.MORPH_GRADIENT, square)
    rough = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, square)
    shaded = (page > _BLACK) & (page < paper - _DARKER)
    return np.asarray(shaded & (spread <= _EVEN) & (rough <= _GRAIN))


def _level(
    page: npt.NDArray[np.uint8], seeds: npt.NDArray[np.bool_], dpi: float
) -> npt.NDArray[np.float64]:
    """How light paper is below a seal, from its strokes nearby: seals are inked unevenly."""
    around = (2 * round(_AROUND_MM * dpi / 25.4) + 1,) * 2
    weight = cv2.blur(seeds.astype(np.float64), around)
    shade = cv2.blur(np.where(seeds, page, 0).astype(np.float64), around)
    whole = float(page[seeds].mean())
    # Far from all strokes the mean of the whole seal.
    return np.asarray((shade + 1e-3 * whole) / (weight + 1e-3))


def _grown(
    seeds: npt.NDArray[np.bool_], page: npt.NDArray[np.uint8], level: npt.NDArray[np.float64]
) -> npt.NDArray[np.uint8]:
    """Seeds and what is beside them and as light, a few steps far and across print: the edges and
    tips of strokes, and slivers that rulings cut off."""
    alike = seeds | (np.abs(page - level) <= _EVEN)
    passable = (alike | (page < level)).astype(np.uint8)
    grown = seeds.astype(np.uint8)
    for _ in range(_STEPS):
        grown = np.bitwise_and(cv2.dilate(grown, np.ones((3, 3), np.uint8)), passable)
    grown &= alike.astype(np.uint8)
    # Single points between strokes of letters are of the same shade by chance.
    _, labels, stats, _ = cv2.connectedComponentsWithStats(grown, connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] > _SPECK
    large[0] = False
    return np.asarray(large[labels], dtype=np.uint8)


def _specks(ink: npt.NDArray[np.bool_], pale: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """What is left of a seal: specks without a point that is darker than its strokes were."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    small = stats[:, cv2.CC_STAT_AREA] <= _SPECK
    small[0] = False
    small[np.unique(labels[~pale])] = False
    return np.asarray(small[labels])


def _rulings(page: Image, dpi: float) -> npt.NDArray[np.bool_]:
    """Level and upright lines that are thinner than strokes of seals."""
    side = max(round(_STROKE_MM * dpi / 25.4), 3)
    length = round(_RULING_MM * dpi / 25.4)
    found = np.zeros(page.shape, dtype=bool)
    for thick, long, bridge in (
        ((side, 1), (1, length), (1, 5)),
        ((1, side), (length, 1), (5, 1)),
    ):
        hat = cv2.morphologyEx(page, cv2.MORPH_BLACKHAT, np.ones(thick, np.uint8))
        thin = cv2.morphologyEx(
            (hat >= _LINE).astype(np.uint8), cv2.MORPH_CLOSE, np.ones(bridge, np.uint8)
        )
        found |= cv2.morphologyEx(thin, cv2.MORPH_OPEN, np.ones(long, np.uint8)) > 0
    return found


def _disc(millimetres: float, dpi: float) -> npt.NDArray[np.uint8]:
    side = max(round(millimetres * dpi / 25.4), 3)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(disc, dtype=np.uint8)


def _places(inked: npt.NDArray[np.uint8], dpi: float) -> list[PixelBox]:
    """Where ink stands together in the size of a seal."""
    millimetre = dpi / 25.4
    if inked.sum() < (_SIZE_MM[0] * millimetre) ** 2 * _INKED:
        return []
    # The strokes of a seal stand close together.
    reach = max(round(2 * millimetre), 1)
    joined = cv2.dilate(inked, np.ones((reach, reach), np.uint8))
    count, _, found, _ = cv2.connectedComponentsWithStats(joined)
    least, most = (side * millimetre for side in _SIZE_MM)
    boxes = [
        (x, y, x + width, y + height)
        for x, y, width, height, _ in found[1:count].tolist()
        if least <= width <= most and least <= height <= most
    ]
    # The star stands within the ring.
    return [box for box in boxes if not any(_within(box, other) for other in boxes)]


def _within(box: PixelBox, other: PixelBox) -> bool:
    inside = box[0] >= other[0] and box[1] >= other[1] and box[2] <= other[2] and box[3] <= other[3]
    return inside and box != other


def _part(box: PixelBox) -> tuple[slice, slice]:
    return slice(box[1], box[3]), slice(box[0], box[2])
