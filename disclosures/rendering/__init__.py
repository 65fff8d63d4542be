"""Rendering whole disclosures: figures (YAML) and a layout (YAML) to PDF, xlsx, docx or HTML."""
