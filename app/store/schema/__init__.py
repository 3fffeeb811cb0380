"""The schema as data, to the last index's condition (a test compares); only migrations make the log a hypertable.

Facts, log, receipts and tallies begin their key with the root; facts and tallies also carry a generation, so that a
rebuild can write the next one beside the living one and swap.
"""

from __future__ import annotations

from app.store.schema.beside import (
    audit,
    feed,
    feed_mark,
    portal_dossier,
    portal_source,
    portal_untold,
    portal_value,
    refold,
    rejection,
    unit_change,
    verification,
)
from app.store.schema.catalogues import api_key, calendar_day, external_figure, procedure, root, source, target, unit
from app.store.schema.columns import metadata
from app.store.schema.lives import (
    PLAIN_SUBJECT,
    document,
    event,
    life,
    log_reach,
    petition,
    procedure_publication,
    receipt,
)
from app.store.schema.tallies import TALLIES

__all__ = [
    "PLAIN_SUBJECT",
    "TALLIES",
    "api_key",
    "audit",
    "calendar_day",
    "document",
    "event",
    "external_figure",
    "feed",
    "feed_mark",
    "life",
    "log_reach",
    "metadata",
    "petition",
    "portal_dossier",
    "portal_source",
    "portal_untold",
    "portal_value",
    "procedure",
    "procedure_publication",
    "receipt",
    "refold",
    "rejection",
    "root",
    "source",
    "target",
    "unit",
    "unit_change",
    "verification",
]
