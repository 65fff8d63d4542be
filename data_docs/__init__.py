"""Data docs for auditors: Chinese HTML, rendered from the warehouse, readable offline."""
