"""Receipts, the log, lives and the facts folded from them."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.event import listen

from app.store.schema.columns import CODE, INSTANT, metadata, required

receipt = Table(
    "receipt",
    metadata,
    required("root_id", Integer),
    # 16 bytes that stand for (source, id) (write/fold.py), and of the event's content: half the bytes of the texts.
    required("key", Uuid),
    required("content", Uuid),
    PrimaryKeyConstraint("root_id", "key"),
)

_event_seq = Sequence("event_seq", metadata=metadata)
event = Table(
    "event",
    metadata,
    required("root_id", Integer),
    required("seq", BigInteger, server_default=_event_seq.next_value()),
    required("time", INSTANT),
    required("received_at", INSTANT),
    required("source_id", Integer),
    required("id", Text),
    required("type", SmallInteger),
    required("unit_id", Integer),
    required("subject", CODE),
    Column("sequence", Text),
    # The event's data as domain.lives.packing has it, null where its type says nothing: a quarter of JSON's bytes.
    Column("what", LargeBinary),
    Index("event_by_seq", "seq", postgresql_using="brin", postgresql_with={"autosummarize": "on"}),
)
listen(event, "after_create", DDL("ALTER SEQUENCE event_seq OWNED BY event.seq"))  # type: ignore[no-untyped-call]
# For operators' questions, never of a figure; where TimescaleDB can, store/retention/ makes it a continuous aggregate.
_hourly = "SELECT root_id, unit_id, type, date_trunc('hour', time, 'UTC') AS hour, count(*) AS events"
_view = f"CREATE VIEW events_hourly AS {_hourly} FROM event GROUP BY 1, 2, 3, 4"
listen(event, "after_create", DDL(_view))  # type: ignore[no-untyped-call]

# Since when a root's log is whole, where what is older was dropped.
log_reach = Table(
    "log_reach",
    metadata,
    Column("root_id", Integer, primary_key=True, autoincrement=False),
    required("since", INSTANT),
)

PLAIN_SUBJECT: Final = "upper(translate(subject, '‐‑‒–—―−－đ ', '--------Đ'))"
"""A subject in capitals, with plain dashes and without blanks: equal for codes that a person would take for one."""

life = Table(
    "life",
    metadata,
    required("root_id", Integer),
    required("generation", Integer),
    required("subject", CODE),
    # The catalogue revision the facts were folded with.
    required("revision", BigInteger),
    # How often the row was written: a writer replaces exactly the version it went on from.
    required("version", Integer, server_default="1"),
    # Facts of the dossier, null where the subject is none.
    Column("unit_id", Integer),
    Column("receiving_unit_id", Integer),
    Column("procedure_id", Integer),
    Column("channel", SmallInteger),
    Column("flags", SmallInteger),
    Column("faults", SmallInteger),
    Column("voided", Boolean),
    Column("received_at", INSTANT),
    Column("ended_at", INSTANT),
    Column("deadline", INSTANT),
    Column("due_at", INSTANT),
    Column("returned_at", INSTANT),
    Column("returned_via", SmallInteger),
    # An instant of an event that was still ahead of the clock when it arrived: figures wait for it.
    Column("ahead_until", INSTANT),
    required("events", LargeBinary),
    PrimaryKeyConstraint("root_id", "generation", "subject"),
    # Rows that are rewritten again and again keep room on their page: an update stays on it and touches no index.
    postgresql_with={"fillfactor": 75},
)


def _facts_index(table: Table, name: str, where: str, *columns: Any) -> None:
    """An index of those of a root's facts that meet a condition."""
    key = (table.c.root_id, table.c.generation)
    Index(f"{table.name}_{name}", *key, *columns, postgresql_where=text(where))


# Open ones, those without a deadline too; the unit with them, since a unit's are few of a root's.
_facts_index(life, "open_deadline", "ended_at IS NULL", life.c.deadline, life.c.unit_id)
_facts_index(life, "ahead", "ahead_until IS NOT NULL", life.c.ahead_until)
# Lists go through a unit's lives in order of subject; faults are few. The condition keeps the planner (PostgreSQL 18
# skips through an index) from taking it for looking up a subject.
_facts_index(life, "by_unit", "unit_id IS NOT NULL", life.c.unit_id, life.c.subject)
_facts_index(life, "with_faults", "faults <> 0", life.c.unit_id, life.c.subject)
_facts_index(life, "spelt_otherwise", f"subject <> {PLAIN_SUBJECT}", text(PLAIN_SUBJECT))

petition = Table(
    "petition",
    metadata,
    required("root_id", Integer),
    required("generation", Integer),
    required("subject", CODE),
    required("unit_id", Integer),
    required("about", SmallInteger),
    required("disliked", Boolean),
    required("voided", Boolean),
    Column("received_at", INSTANT),
    Column("ended_at", INSTANT),
    Column("deadline", INSTANT),
    required("late_published", Boolean),
    Column("ahead_until", INSTANT),
    PrimaryKeyConstraint("root_id", "generation", "subject", "unit_id"),
)
_facts_index(petition, "open_deadline", "ended_at IS NULL AND deadline IS NOT NULL", petition.c.deadline)
_facts_index(petition, "ahead", "ahead_until IS NOT NULL", petition.c.ahead_until)
_facts_index(petition, "spelt_otherwise", f"subject <> {PLAIN_SUBJECT}", text(PLAIN_SUBJECT))
Index("petition_by_unit", petition.c.root_id, petition.c.generation, petition.c.unit_id, petition.c.subject)

document = Table(
    "document",
    metadata,
    required("root_id", Integer),
    required("generation", Integer),
    required("subject", CODE),
    required("unit_id", Integer),
    required("tier", SmallInteger),
    required("electronic", Boolean),
    required("signed", Boolean),
    required("sent_at", INSTANT),
    Column("ahead_until", INSTANT),
    PrimaryKeyConstraint("root_id", "generation", "subject", "unit_id"),
)
_facts_index(document, "ahead", "ahead_until IS NOT NULL", document.c.ahead_until)
Index("document_by_unit", document.c.root_id, document.c.generation, document.c.unit_id, document.c.subject)

procedure_publication = Table(
    "procedure_publication",
    metadata,
    required("root_id", Integer),
    required("generation", Integer),
    required("subject", CODE),
    # Place in reading order, within announcements and within publications.
    required("ordinal", SmallInteger),
    required("decided_on", Date),
    Column("effective_on", Date),
    Column("published_on", Date),
    Column("complete", Boolean),
    PrimaryKeyConstraint("root_id", "generation", "subject", "ordinal"),
)
