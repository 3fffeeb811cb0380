"""What is kept beside figures: changes, rejections, feeds, what was told of dossiers, what is to be folded again."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.store.schema.columns import CODE, INSTANT, metadata, required

unit_change = Table(
    "unit_change",
    metadata,
    required("root_id", Integer),
    required("unit_id", Integer),
    required("changes", BigInteger),
    # The civil year of the tallies that changed; 0 for changes that moved none.
    required("year", SmallInteger),
    PrimaryKeyConstraint("root_id", "unit_id", "year"),
)

# The last events that were refused, for their senders to look at; what they said is not kept.
rejection = Table(
    "rejection",
    metadata,
    required("root_id", Integer),
    Column("id", BigInteger, Identity(), nullable=False),
    # The unit of the key they were sent with.
    required("unit", CODE),
    required("received_at", INSTANT),
    Column("source", CODE),
    required("place", Integer),
    Column("event_id", Text),
    required("code", Text),
    Column("field", Text),
    # All that was wrong, in words that repeat nothing of what was sent: in English, and in Vietnamese.
    Column("detail", Text),
    Column("detail_vi", Text),
    PrimaryKeyConstraint("root_id", "id"),
    Index("rejection_by_source", "root_id", "source", "id"),
)

# Who changed what (store/audit.py): added to and never changed, also where its root is removed. 0 is no root.
audit = Table(
    "audit",
    metadata,
    required("root_id", Integer),
    Column("id", BigInteger, Identity(), nullable=False),
    required("at", INSTANT),
    # The unit that it concerns, with those above it; "" is none.
    required("unit", CODE),
    *(required(name, CODE) for name in ("by", "actor", "actor_name", "action", "kind", "code")),
    *(Column(name, JSONB) for name in ("before", "after")),
    Column("request_id", Text),
    PrimaryKeyConstraint("root_id", "id"),
)

# What each source has sent of each unit, by the log (store/feeds/); its last days and hours in MessagePack.
feed = Table(
    "feed",
    metadata,
    *(required(name, Integer) for name in ("root_id", "source_id", "unit_id")),
    required("first_at", INSTANT),
    required("last_at", INSTANT),
    required("events", BigInteger),
    required("received", BigInteger),
    required("recent", LargeBinary),
    PrimaryKeyConstraint("root_id", "source_id", "unit_id"),
    postgresql_with={"fillfactor": 75},
)
# One row: up to which event, and which instant, the log has been read for the feeds of all roots.
feed_mark = Table(
    "feed_mark",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    required("seq", BigInteger),
    required("read_at", INSTANT),
)

# What one-stop software has told of a dossier in the national portal's payload, in MessagePack (domain/portal/).
portal_dossier = Table(
    "portal_dossier",
    metadata,
    required("root_id", Integer),
    required("source", CODE),
    required("subject", CODE),
    required("version", Integer),
    required("known", LargeBinary),
    # The unit its events are of; null while the catalogue does not have it.
    Column("unit", CODE),
    required("parked", Boolean),
    # Bits of what is wrong with it (domain/portal/faults.py).
    required("faults", Integer),
    PrimaryKeyConstraint("root_id", "source", "subject"),
    Index("portal_dossier_parked", "root_id", postgresql_where=text("parked")),
    Index(
        "portal_dossier_faults",
        *("root_id", "unit", "subject"),
        postgresql_include=["source", "faults"],
        postgresql_where=text("faults <> 0"),
    ),
)
# The measures of which no source of a unit's dossiers tells anything (domain/portal/untold.py), of roots with any such.
portal_untold = Table(
    "portal_untold",
    metadata,
    *(required(name, Integer) for name in ("root_id", "unit_id")),
    required("measures", ARRAY(CODE)),
    PrimaryKeyConstraint("root_id", "unit_id"),
)
# What of a source is not believed, and up to which dossier a change of that has been applied; null: to all.
portal_source = Table(
    "portal_source",
    metadata,
    required("root_id", Integer),
    required("source", CODE),
    required("untrusted", ARRAY(CODE)),
    required("success", CODE),
    required("revision", Integer),
    Column("applied_to", CODE),
    PrimaryKeyConstraint("root_id", "source"),
)
# The values of codes and flags that a source has ever told, by field.
portal_value = Table(
    "portal_value",
    metadata,
    required("root_id", Integer),
    required("source", CODE),
    required("field", CODE),
    required("value", CODE),
    PrimaryKeyConstraint("root_id", "source", "field", "value"),
)

refold = Table(
    "refold",
    metadata,
    Column("root_id", Integer, ForeignKey("root.id"), primary_key=True, autoincrement=False),
    # Lives folded with an older revision than this are stale when they are among the affected.
    required("revision", BigInteger),
    required("procedures", ARRAY(Integer)),
    required("calendar", Boolean),
    required("everything", Boolean, server_default=text("false")),
    required("cursor", CODE, server_default=""),
    required("total", Integer),
    required("done", Integer, server_default="0"),
    # When the first came of the edits that are still being applied.
    required("since", INSTANT, server_default=text("clock_timestamp()")),
)

# How the last `chiso verify` of each kind ended, for /metrics: it is another process's.
verification = Table(
    "verification",
    metadata,
    required("root_id", Integer),
    required("deep", Boolean),
    required("finished_at", INSTANT),
    required("differences", BigInteger),
    PrimaryKeyConstraint("root_id", "deep"),
)
