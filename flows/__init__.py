"""Prefect flows and the ``juesuan`` command."""
