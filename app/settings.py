"""Settings, all from the environment: CHISO_<GROUP>__<NAME>, e.g. CHISO_DATABASE__DSN. Every one is described and
bounded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class DatabaseSettings(BaseModel):
    """Where the events, facts and figures live."""

    dsn: SecretStr | None = Field(
        None,
        description="postgresql:// address of a PostgreSQL 15-18; without one an embedded server runs in data_dir.",
    )
    write_connections: int = Field(8, ge=1, le=200, description="Connections for taking events in.")
    read_connections: int = Field(8, ge=1, le=200, description="Connections for figures and catalogues.")
    acquire_seconds: float = Field(5, gt=0, le=60, description="Seconds to wait for a free connection before 503.")
    read_seconds: float = Field(
        10, gt=0, le=86_400, description="Seconds in which a question is answered; what is not answered then is 503."
    )
    write_seconds: float = Field(
        30,
        gt=0,
        le=86_400,
        description="Seconds in which a push that is here whole is answered; else 503.",
    )


class IntakeSettings(BaseModel):
    """What a push may be."""

    max_body_bytes: int = Field(32 * 2**20, ge=1024, le=2**30, description="Largest body, bytes, after decompression.")
    max_events: int = Field(10_000, ge=1, le=100_000, description="Most events in one request.")
    max_waiting_events: int = Field(
        20_000,
        ge=100,
        le=1_000_000,
        description="Events of small pushes that may wait for their transaction; beyond 503.",
    )
    max_bytes_in_flight: int = Field(
        64 * 2**20,
        ge=2**20,
        le=2**32,
        description="Bytes of bodies being worked on at once; beyond them 503 with Retry-After.",
    )


class CatalogueSettings(BaseModel):
    """What a process keeps of the catalogues of its roots."""

    max_rows: int = Field(
        8_000,
        ge=1,
        le=10**8,
        description="Rows of catalogues kept, of the roots asked for last; one root is kept however many it has.",
    )


class FigureSettings(BaseModel):
    """How figures are answered."""

    cache_bytes: int = Field(
        32 * 2**20,
        ge=0,
        le=2**34,
        description="Room for answers kept until something they were made of changes; 0 is none.",
    )


class StreamSettings(BaseModel):
    """How changed figures are told to those who watch them."""

    max_open: int = Field(
        1_000, ge=0, le=100_000, description="Most streams open at once in a process; beyond them 503."
    )
    poll_seconds: float = Field(
        0.25, ge=0.01, le=60, description="Seconds between two looks for changes while anybody watches."
    )
    comment_seconds: float = Field(
        15, ge=0.1, le=3600, description="Seconds after which a quiet stream gets a comment, so that no proxy ends it."
    )


class AuthSettings(BaseModel):
    """Who may do what."""

    pepper: SecretStr | None = Field(
        None,
        description="Secret that keys the HMAC of API keys. Without one, a file beside the embedded database is made.",
    )
    open_reading: bool = Field(
        False, description="Figures and catalogues may be read without a key by clients on the loopback interface."
    )


class LogSettings(BaseModel):
    """What is written to standard error."""

    level: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severe level that is written."
    )


class MetricsSettings(BaseModel):
    """What is told apart in the metrics."""

    sources: list[Annotated[str, Field(min_length=1, max_length=300)]] = Field(
        [], max_length=50, description="Sources, a JSON list, each of whose silence is measured; all others are one."
    )


class Settings(BaseSettings):
    """All settings of the service."""

    model_config = SettingsConfigDict(env_prefix="CHISO_", env_nested_delimiter="__", extra="ignore")

    data_dir: Path = Field(Path(".chiso"), description="Folder of the embedded database and of generated secrets.")
    database: DatabaseSettings = DatabaseSettings()
    intake: IntakeSettings = IntakeSettings()
    catalogues: CatalogueSettings = CatalogueSettings()
    figures: FigureSettings = FigureSettings()
    streams: StreamSettings = StreamSettings()
    auth: AuthSettings = AuthSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
