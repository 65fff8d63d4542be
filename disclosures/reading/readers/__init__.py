"""Readers: one module each, all yielding grids and page texts behind one protocol."""
