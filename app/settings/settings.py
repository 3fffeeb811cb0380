"""All settings of the service, as the environment may give them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.settings.groups import (
    AuditSettings,
    AuthSettings,
    CatalogueSettings,
    DatabaseSettings,
    DocsSettings,
    EventSettings,
    FigureSettings,
    HttpSettings,
    IntakeSettings,
    LimitSettings,
    LogSettings,
    MetricsSettings,
    OidcSettings,
    StreamSettings,
)
from app.settings.kinds import some_folder


class Settings(BaseSettings):
    """All settings of the service."""

    model_config = SettingsConfigDict(env_prefix="CHISO_", env_nested_delimiter="__", extra="ignore")

    data_dir: Annotated[Path, AfterValidator(some_folder)] = Field(
        Path(".chiso"), description="Folder of the embedded database and of generated secrets."
    )
    database: DatabaseSettings = DatabaseSettings()
    http: HttpSettings = HttpSettings()
    intake: IntakeSettings = IntakeSettings()
    events: EventSettings = EventSettings()
    audit: AuditSettings = AuditSettings()
    catalogues: CatalogueSettings = CatalogueSettings()
    figures: FigureSettings = FigureSettings()
    streams: StreamSettings = StreamSettings()
    auth: AuthSettings = AuthSettings()
    limits: LimitSettings = LimitSettings()
    oidc: OidcSettings = OidcSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    docs: DocsSettings = DocsSettings()
