"""Rendering disclosures: figures and layouts are valid, and every figure can be read back."""

from pathlib import Path

import pytest

from disclosures.rendering.figures import FiguresError, dump_figures, load_figures

EXAMPLE = Path(__file__).parent / "example.yaml"


def test_figures_round_trip_as_written(tmp_path: Path) -> None:
    figures = load_figures(EXAMPLE)
    assert figures.forms.f01 is not None
    assert figures.forms.f01.income["general_budget"] == "120.50"
    copy = tmp_path / "copy.yaml"
    copy.write_text(dump_figures(figures), encoding="utf-8")
    assert load_figures(copy) == figures


@pytest.mark.parametrize(
    "spoiled",
    [
        ("agency: 临江市档案馆", "agency: 临江市档案馆\ncolour: red"),
        ("actual: {total: 3.50", "actual: {sum: 3.50"),
        ("year: 2023", "year: 2023\nyear: 2022"),
        ("    operating_cost:\n      operating_cost", "    operating_cost:\n      overheads"),
    ],
)
def test_unknown_and_repeated_keys_are_refused(tmp_path: Path, spoiled: tuple[str, str]) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert spoiled[0] in text
    path = tmp_path / "spoiled.yaml"
    path.write_text(text.replace(*spoiled, 1), encoding="utf-8")
    with pytest.raises(FiguresError, match=r"spoiled\.yaml"):
        load_figures(path)
