"""Measurements: ``python -m bench.accuracy`` and ``python -m bench.reading``."""
