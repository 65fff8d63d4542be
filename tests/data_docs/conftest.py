from __future__ import annotations

from pathlib import Path

import made_up_accounts
import pytest
from sqlalchemy import Engine

from data_docs.build import build_site
from warehouse.database import open_engine


@pytest.fixture(scope="session")
def small_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``data_docs`` of twelve disclosures beside their archive; the first is hostile."""
    root = tmp_path_factory.mktemp("var")
    engine = open_engine(f"sqlite:///{root}/warehouse.db")
    made_up_accounts.fill(engine, 12, archive=root / "archive", hostile=1)
    build_site(engine, root / "data_docs", archive=root / "archive", rules=made_up_accounts.RULES)
    engine.dispose()
    return root / "data_docs"


@pytest.fixture
def own_warehouse(engine: Engine, tmp_path: Path) -> Engine:
    """Three disclosures that a test may change, on both databases."""
    made_up_accounts.fill(engine, 3, archive=tmp_path / "archive")
    return engine
