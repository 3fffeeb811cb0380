"""Settings, all from the environment: CHISO_<GROUP>__<NAME>, e.g. CHISO_DATABASE__DSN. Every one is described and
bounded; a name that is none of them is refused, for a setting that is thought to hold and does not is worse than none.
"""

from __future__ import annotations

from app.settings.environment import InvalidSettings, of_environment
from app.settings.groups import (
    AuthSettings,
    CatalogueSettings,
    DatabaseSettings,
    DocsSettings,
    FigureSettings,
    HttpSettings,
    IntakeSettings,
    LimitSettings,
    LogSettings,
    MetricsSettings,
    OidcSettings,
    StreamSettings,
)
from app.settings.settings import Settings

__all__ = [
    "AuthSettings",
    "CatalogueSettings",
    "DatabaseSettings",
    "DocsSettings",
    "FigureSettings",
    "HttpSettings",
    "IntakeSettings",
    "InvalidSettings",
    "LimitSettings",
    "LogSettings",
    "MetricsSettings",
    "OidcSettings",
    "Settings",
    "StreamSettings",
    "of_environment",
]
