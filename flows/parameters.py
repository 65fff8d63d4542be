"""Parameters of the flows as the Prefect UI shows them: flat models with plain choices.

Unions and optional fields become raw JSON editors in the UI's form, so an empty field means
"not given". Choices are Chinese because the form shows their values.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class RerunScope(StrEnum):
    DOCUMENT = "单个文件"
    SITE = "站点"
    YEAR = "年度"


# No docstrings on the choices: the form would show them, in English.
class RerunStage(StrEnum):
    READ = "重新读取"
    CHECK = "重新校验"
    PUBLISH = "重新发布"


class RerunRequest(BaseModel):
    """What to run again. Exactly the field that the scope names is used."""

    model_config = ConfigDict(
        extra="forbid",
        title="重跑",
        json_schema_extra={"description": "按范围只填对应的一项：文件、站点或年度。"},
    )

    scope: RerunScope = Field(RerunScope.DOCUMENT, title="范围")
    document: str = Field("", title="文件 SHA-256", description="完整值或前 8 位以上")
    site: str = Field("", title="站点代号", description="见 juesuan sites")
    year: int = Field(0, title="年度", description="决算年度，例如 2023", ge=0, le=2100)
    start_from: RerunStage = Field(
        RerunStage.READ, title="起始环节", description="其后的环节随之重做"
    )

    @field_validator("document")
    @classmethod
    def _hexadecimal(cls, value: str) -> str:
        value = value.strip().lower()
        if value and (len(value) < 8 or set(value) - set("0123456789abcdef")):
            raise ValueError("文件 SHA-256 应为至少 8 位的十六进制字符")
        return value

    @model_validator(mode="after")
    def _named(self) -> RerunRequest:
        given = {
            RerunScope.DOCUMENT: bool(self.document),
            RerunScope.SITE: bool(self.site.strip()),
            RerunScope.YEAR: self.year >= 1990,
        }
        if not given[self.scope]:
            raise ValueError(f"范围为“{self.scope.value}”时必须填写对应的一项")
        return self


class NightlyRequest(BaseModel):
    """What the night covers."""

    model_config = ConfigDict(
        extra="forbid",
        title="每晚任务",
        json_schema_extra={"description": "抓取、读取、校验、评分并发布。"},
    )

    sites: list[str] = Field(
        default_factory=list, title="站点代号", description="留空为全部已核实站点"
    )
    since: str = Field("", title="起始日期", description="YYYY-MM-DD；只看此日及以后发布的")

    @field_validator("since")
    @classmethod
    def _iso_date(cls, value: str) -> str:
        if value:
            date.fromisoformat(value)
        return value

    @property
    def since_date(self) -> date | None:
        return date.fromisoformat(self.since) if self.since else None
