"""A folder of pictures of single pages is checked as the scan that they make."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from disclosures.reading.page_pictures import told
from flows import local


def page(shade: int, size: tuple[int, int] = (600, 840)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (shade, shade, shade)).save(out, "PNG")
    return out.getvalue()


def test_pictures_of_one_folder_are_joined_and_nothing_else(tmp_path: Path) -> None:
    bodies = {
        "甲/10.png": page(10),
        "甲/9.png": page(9),
        "甲/logo.png": page(1, (80, 40)),
        "甲/说明.txt": "说明".encode(),
        "乙/1.png": page(3),
    }
    for name, body in bodies.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(body)
    files = local.files_below([tmp_path])
    joined = local._joined_pictures(files)
    scans = {path.name: scan for path, scan in joined.items()}
    assert set(scans) == {"10.png", "9.png"}
    [scan] = [scan for scan in scans.values() if scan is not None]
    assert str(told(scan.body)).endswith(
        "由同一处的2张图片按文件名顺序合并而成，页码为图片的次序：9.png、10.png"
    )
