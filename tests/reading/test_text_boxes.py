"""Word documents whose titles and tables stand in text boxes."""

from __future__ import annotations

import io
from pathlib import Path

import docx
from docx.oxml import parse_xml

from disclosures.reading import read_document
from disclosures.rendering import load_figures, render

EXAMPLE = Path(__file__).parents[1] / "rendering" / "example.yaml"
HOLDER = (
    '<w:p xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    ' xmlns:v="urn:schemas-microsoft-com:vml"><w:r><w:pict><v:shape><v:textbox><w:txbxContent/>'
    "</v:textbox></v:shape></w:pict></w:r></w:p>"
)


def test_what_stands_in_text_boxes_is_read_in_its_place(tmp_path: Path) -> None:
    plain, boxed = tmp_path / "plain.docx", tmp_path / "boxed.docx"
    plain.write_bytes(render(load_figures(EXAMPLE), "heilongjiang", "docx"))
    document = docx.Document(io.BytesIO(plain.read_bytes()))
    titles = [p._p for p in document.paragraphs if p.text.strip().endswith("表")]
    for element in (*titles, document.tables[4]._tbl):
        holder = parse_xml(HOLDER)
        element.addprevious(holder)
        next(holder.iter("{*}txbxContent")).append(element)
    assert len(titles) > 5
    document.save(str(boxed))
    expected, found = read_document(plain), read_document(boxed)
    assert {f.key: f.text for f in found.facts} == {f.key: f.text for f in expected.facts}
    assert len(found.statements) == len(expected.statements)
