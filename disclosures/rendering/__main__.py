"""``python -m disclosures.rendering FIGURES LAYOUT OUT``"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from disclosures.rendering import FiguresError, layouts, load_figures, render_to, unprinted


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m disclosures.rendering", description=__doc__)
    parser.add_argument("figures", type=Path, help="YAML file of figures")
    parser.add_argument("layout", choices=sorted(layouts()))
    parser.add_argument("out", type=Path, help="file to write: .pdf, .xlsx, .docx or .html")
    given = parser.parse_args(arguments)
    try:
        figures = load_figures(given.figures)
        render_to(given.out, figures, given.layout)
    except (FiguresError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    for place in unprinted(figures, layouts()[given.layout]):
        print(f"not printed by this wording: {place}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
