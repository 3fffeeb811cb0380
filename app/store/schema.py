"""The schema as data, to the last index's condition (a test compares); only migrations make the log a hypertable.

Facts, log, receipts and tallies begin their key with the root; facts and tallies also carry a generation, so that a
rebuild can write the next one beside the living one and swap.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    DDL,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.event import listen

from app.domain.tallies.tally import FAMILIES, Family
from app.store.grains import GRAINS, tally_keys, tally_name

metadata: Final = MetaData()

_INSTANT = DateTime(timezone=True)
_CODE = Text(collation="C")


def _required(name: str, kind: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, nullable=False, **options)


def _root() -> Column[Any]:
    return Column("root_id", Integer, ForeignKey("root.id"), nullable=False)


root = Table(
    "root",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    _required("code", _CODE, unique=True),
    _required("revision", BigInteger, server_default="1"),
    _required("generation", Integer, server_default="1"),
    # The version of the fold (life.RULES) that all facts of the root are of, but for lives that `refold` names.
    _required("rules", Integer),
)

unit = Table(
    "unit",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    _root(),
    _required("code", _CODE),
    Column("name", Text),
    Column("level", Text),
    Column("parent", _CODE),
    _required("certified_copy", Boolean, server_default=text("false")),
    Column("valid_from", Date),
    Column("valid_to", Date),
    Column("successor", _CODE),
    _required("aliases", ARRAY(_CODE), server_default="{}"),
    UniqueConstraint("root_id", "code"),
)

procedure = Table(
    "procedure",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    _root(),
    _required("code", _CODE),
    # False for a code that was only ever seen in events: it has an id for the tallies, and no attributes.
    _required("known", Boolean, server_default=text("false")),
    Column("name", Text),
    Column("sector", Text),
    _required("service_level", Text, server_default="none"),
    _required("full_eligible", Boolean, server_default=text("false")),
    _required("fee", Boolean, server_default=text("false")),
    _required("payment_integrated", Boolean, server_default=text("false")),
    _required("issues_document", Boolean, server_default=text("true")),
    _required("applicants", ARRAY(Text), server_default="{}"),
    Column("max_working_days", Integer),
    _required("essential", Boolean, server_default=text("false")),
    _required("units", ARRAY(_CODE), server_default="{}"),
    _required("levels", ARRAY(Text), server_default="{}"),
    Column("valid_from", Date),
    Column("valid_to", Date),
    UniqueConstraint("root_id", "code"),
)

calendar_day = Table(
    "calendar_day",
    metadata,
    _root(),
    _required("day", Date),
    _required("kind", Text),
    _required("name", Text, server_default=""),
    # True for a day that came with the seed (public holidays); a day entered by hand replaces it.
    _required("seeded", Boolean, server_default=text("false")),
    PrimaryKeyConstraint("root_id", "day"),
)

target = Table(
    "target",
    metadata,
    _root(),
    _required("indicator", Text),
    _required("unit", _CODE, server_default=""),
    _required("level", Text, server_default=""),
    _required("year", Integer),
    Column("value", Numeric),
    PrimaryKeyConstraint("root_id", "indicator", "unit", "level", "year"),
)

external_figure = Table(
    "external_figure",
    metadata,
    _root(),
    _required("code", Text),
    _required("unit", _CODE),
    _required("period", Text),
    Column("value", Numeric),
    Column("score", Numeric),
    Column("max", Numeric),
    Column("rank", Integer),
    Column("of", Integer),
    Column("count", BigInteger),
    Column("source", Text),
    Column("note", Text),
    _required("entered_by", Text),
    _required("entered_at", _INSTANT),
    PrimaryKeyConstraint("root_id", "code", "unit", "period"),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    _root(),
    _required("unit", _CODE),
    _required("scopes", ARRAY(Text)),
    _required("digest", LargeBinary),
    _required("pepper", LargeBinary),
    _required("name", Text, server_default=""),
    _required("created_at", _INSTANT),
    Column("revoked_at", _INSTANT),
)

source = Table(
    "source",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    _root(),
    _required("name", _CODE),
    UniqueConstraint("root_id", "name"),
)

receipt = Table(
    "receipt",
    metadata,
    _required("root_id", Integer),
    # 16 bytes that stand for (source, id) (write/fold.py), and of the event's content: half the bytes of the texts.
    _required("key", Uuid),
    _required("content", Uuid),
    PrimaryKeyConstraint("root_id", "key"),
)

_event_seq = Sequence("event_seq", metadata=metadata)
event = Table(
    "event",
    metadata,
    _required("root_id", Integer),
    _required("seq", BigInteger, server_default=_event_seq.next_value()),
    _required("time", _INSTANT),
    _required("received_at", _INSTANT),
    _required("source_id", Integer),
    _required("id", Text),
    _required("type", SmallInteger),
    _required("unit_id", Integer),
    _required("subject", _CODE),
    Column("sequence", Text),
    # The event's data as domain.lives.packing has it, null where its type says nothing: a quarter of the bytes of JSON,
    # and nothing for the server to parse.
    Column("what", LargeBinary),
    Index("event_by_seq", "seq", postgresql_using="brin", postgresql_with={"autosummarize": "on"}),
)
listen(event, "after_create", DDL("ALTER SEQUENCE event_seq OWNED BY event.seq"))  # type: ignore[no-untyped-call]

PLAIN_SUBJECT: Final = "upper(translate(subject, '‐‑‒–—―−－đ ', '--------Đ'))"
"""A subject in capitals, with plain dashes and without blanks: equal for codes that a person would take for one."""

life = Table(
    "life",
    metadata,
    _required("root_id", Integer),
    _required("generation", Integer),
    _required("subject", _CODE),
    # The catalogue revision the facts were folded with.
    _required("revision", BigInteger),
    # How often the row was written: a writer replaces exactly the version it went on from.
    _required("version", Integer, server_default="1"),
    # Facts of the dossier, null where the subject is none.
    Column("unit_id", Integer),
    Column("receiving_unit_id", Integer),
    Column("procedure_id", Integer),
    Column("channel", SmallInteger),
    Column("flags", SmallInteger),
    Column("faults", SmallInteger),
    Column("voided", Boolean),
    Column("received_at", _INSTANT),
    Column("ended_at", _INSTANT),
    Column("deadline", _INSTANT),
    Column("due_at", _INSTANT),
    Column("returned_at", _INSTANT),
    Column("returned_via", SmallInteger),
    # An instant of an event that was still ahead of the clock when it arrived: figures wait for it.
    Column("ahead_until", _INSTANT),
    _required("events", LargeBinary),
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
    _required("root_id", Integer),
    _required("generation", Integer),
    _required("subject", _CODE),
    _required("unit_id", Integer),
    _required("about", SmallInteger),
    _required("disliked", Boolean),
    _required("voided", Boolean),
    Column("received_at", _INSTANT),
    Column("ended_at", _INSTANT),
    Column("deadline", _INSTANT),
    _required("late_published", Boolean),
    Column("ahead_until", _INSTANT),
    PrimaryKeyConstraint("root_id", "generation", "subject", "unit_id"),
)
_facts_index(petition, "open_deadline", "ended_at IS NULL AND deadline IS NOT NULL", petition.c.deadline)
_facts_index(petition, "ahead", "ahead_until IS NOT NULL", petition.c.ahead_until)
_facts_index(petition, "spelt_otherwise", f"subject <> {PLAIN_SUBJECT}", text(PLAIN_SUBJECT))
Index("petition_by_unit", petition.c.root_id, petition.c.generation, petition.c.unit_id, petition.c.subject)

document = Table(
    "document",
    metadata,
    _required("root_id", Integer),
    _required("generation", Integer),
    _required("subject", _CODE),
    _required("unit_id", Integer),
    _required("tier", SmallInteger),
    _required("electronic", Boolean),
    _required("signed", Boolean),
    _required("sent_at", _INSTANT),
    Column("ahead_until", _INSTANT),
    PrimaryKeyConstraint("root_id", "generation", "subject", "unit_id"),
)
Index(
    "document_ahead",
    document.c.root_id,
    document.c.generation,
    document.c.ahead_until,
    postgresql_where=text("ahead_until IS NOT NULL"),
)
Index("document_by_unit", document.c.root_id, document.c.generation, document.c.unit_id, document.c.subject)

procedure_publication = Table(
    "procedure_publication",
    metadata,
    _required("root_id", Integer),
    _required("generation", Integer),
    _required("subject", _CODE),
    # Place in reading order, within announcements and within publications.
    _required("ordinal", SmallInteger),
    _required("decided_on", Date),
    Column("effective_on", Date),
    Column("published_on", Date),
    Column("complete", Boolean),
    PrimaryKeyConstraint("root_id", "generation", "subject", "ordinal"),
)

unit_change = Table(
    "unit_change",
    metadata,
    _required("root_id", Integer),
    _required("unit_id", Integer),
    _required("changes", BigInteger),
    # The civil year of the tallies that changed; 0 for changes that moved none.
    _required("year", SmallInteger),
    PrimaryKeyConstraint("root_id", "unit_id", "year"),
)

# The last events that were refused, for their senders to look at; what they said is not kept.
rejection = Table(
    "rejection",
    metadata,
    _required("root_id", Integer),
    Column("id", BigInteger, Identity(), nullable=False),
    # The unit of the key they were sent with.
    _required("unit", _CODE),
    _required("received_at", _INSTANT),
    Column("source", _CODE),
    _required("place", Integer),
    Column("event_id", Text),
    _required("code", Text),
    Column("field", Text),
    # All that was wrong, in words that repeat nothing of what was sent: in English, and in Vietnamese.
    Column("detail", Text),
    Column("detail_vi", Text),
    PrimaryKeyConstraint("root_id", "id"),
    Index("rejection_by_source", "root_id", "source", "id"),
)

# What each source has sent of each unit, by the log (store/feeds/); its last days and hours in MessagePack.
feed = Table(
    "feed",
    metadata,
    *(_required(name, Integer) for name in ("root_id", "source_id", "unit_id")),
    _required("first_at", _INSTANT),
    _required("last_at", _INSTANT),
    _required("events", BigInteger),
    _required("recent", LargeBinary),
    PrimaryKeyConstraint("root_id", "source_id", "unit_id"),
    postgresql_with={"fillfactor": 75},
)
# One row: up to which event, and which instant, the log has been read for the feeds of all roots.
feed_mark = Table(
    "feed_mark",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    _required("seq", BigInteger),
    _required("read_at", _INSTANT),
)

refold = Table(
    "refold",
    metadata,
    Column("root_id", Integer, ForeignKey("root.id"), primary_key=True, autoincrement=False),
    # Lives folded with an older revision than this are stale when they are among the affected.
    _required("revision", BigInteger),
    _required("procedures", ARRAY(Integer)),
    _required("calendar", Boolean),
    _required("everything", Boolean, server_default=text("false")),
    _required("cursor", _CODE, server_default=""),
    _required("total", Integer),
    _required("done", Integer, server_default="0"),
)


def _tally(family: Family, grain: str) -> Table:
    keys = tally_keys(family, grain)
    kinds = {"bucket": Date, family.variety: SmallInteger}
    return Table(
        tally_name(family, grain),
        metadata,
        _required("root_id", Integer),
        _required("generation", Integer),
        *(_required(name, kinds.get(name, Integer)) for name in keys),
        # Null is "never touched": most cells move few counters, and a null costs a bit, not four bytes.
        *(Column(name, BigInteger if name.startswith("processing_") else Integer) for name in family.counters),
        PrimaryKeyConstraint("root_id", "generation", *keys),
        postgresql_with={"fillfactor": 80},
    )


TALLIES: Final = {(family.name, grain): _tally(family, grain) for family in FAMILIES for grain in GRAINS[family.name]}
