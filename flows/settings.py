"""Settings: command options, ``JUESUAN_*`` variables and one file, in that order."""

from __future__ import annotations

import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

#: Named by ``JUESUAN_SETTINGS``; by default ``juesuan.toml`` in the working directory.
SETTINGS_FILE = "juesuan.toml"


class Settings(BaseSettings):
    """Where things are kept and how hard the machine is used."""

    model_config = SettingsConfigDict(env_prefix="JUESUAN_", extra="forbid")

    data: Path = Field(Path("var"), description="folder of archive, data docs and warehouse")
    archive: str = Field(
        "", description="folder or fsspec URL (s3://bucket/prefix); below the data folder if empty"
    )
    storage: dict[str, Any] = Field(
        default_factory=dict, description="options of the archive's fsspec file system"
    )
    warehouse: str = Field("", description="SQLAlchemy URL; SQLite below the data folder if empty")
    jobs: int = Field(
        min(os.cpu_count() or 1, 8), ge=1, description="reader processes, each with a JVM beside it"
    )
    contact: str = Field(
        "", description="address in the user agent, for the webmasters of crawled sites"
    )
    replica: str = Field("", description="base URL of a running `juesuan portal`")
    chunk: int = Field(50, ge=1, description="documents in one task")
    batch: int = Field(500, ge=1, description="disclosures in one validation")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        path = Path(os.environ.get("JUESUAN_SETTINGS", SETTINGS_FILE))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, path)

    @cached_property
    def warehouse_url(self) -> str:
        return self.warehouse or f"sqlite:///{self.data / 'warehouse.db'}"

    @property
    def archive_root(self) -> Path:
        """Where archived files are at hand: the archive, or copies of one elsewhere."""
        if self.archive and "://" not in self.archive:
            return Path(self.archive)
        return self.data / "archive"

    @property
    def data_docs_root(self) -> Path:
        return self.data / "data_docs"

    def export(self) -> None:
        """Hand these settings to child processes and to Prefect's flow runs."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, dict):
                value = json.dumps(value) if value else ""
            if value or isinstance(value, int):
                os.environ[f"JUESUAN_{name.upper()}"] = str(value)


def load_settings(**given: object) -> Settings:
    """Settings with command options on top; options that were not given fall through.

    Raises:
        pydantic.ValidationError: a variable or the file holds something unusable.
    """
    return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
