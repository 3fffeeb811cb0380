"""Roots, their catalogues, and who may do what."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    Identity,
    Integer,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from app.store.schema.columns import CODE, INSTANT, metadata, of_root, required

root = Table(
    "root",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    required("code", CODE, unique=True),
    required("revision", BigInteger, server_default="1"),
    required("generation", Integer, server_default="1"),
    # The version of the fold (life.RULES) that all facts of the root are of, but for lives that `refold` names.
    required("rules", Integer),
)

unit = Table(
    "unit",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    of_root(),
    required("code", CODE),
    Column("name", Text),
    Column("level", Text),
    Column("parent", CODE),
    required("certified_copy", Boolean, server_default=text("false")),
    Column("valid_from", Date),
    Column("valid_to", Date),
    Column("successor", CODE),
    required("aliases", ARRAY(CODE), server_default="{}"),
    UniqueConstraint("root_id", "code"),
)

procedure = Table(
    "procedure",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    of_root(),
    required("code", CODE),
    # False for a code that was only ever seen in events: it has an id for the tallies, and no attributes.
    required("known", Boolean, server_default=text("false")),
    Column("name", Text),
    Column("sector", Text),
    required("service_level", Text, server_default="none"),
    required("full_eligible", Boolean, server_default=text("false")),
    required("fee", Boolean, server_default=text("false")),
    required("payment_integrated", Boolean, server_default=text("false")),
    required("issues_document", Boolean, server_default=text("true")),
    required("applicants", ARRAY(Text), server_default="{}"),
    Column("max_working_days", Integer),
    required("essential", Boolean, server_default=text("false")),
    required("units", ARRAY(CODE), server_default="{}"),
    required("levels", ARRAY(Text), server_default="{}"),
    Column("valid_from", Date),
    Column("valid_to", Date),
    UniqueConstraint("root_id", "code"),
)

calendar_day = Table(
    "calendar_day",
    metadata,
    of_root(),
    required("day", Date),
    required("kind", Text),
    required("name", Text, server_default=""),
    # True for a day that came with the seed (public holidays); a day entered by hand replaces it.
    required("seeded", Boolean, server_default=text("false")),
    PrimaryKeyConstraint("root_id", "day"),
)

target = Table(
    "target",
    metadata,
    of_root(),
    required("indicator", Text),
    required("unit", CODE, server_default=""),
    required("level", Text, server_default=""),
    required("year", Integer),
    Column("value", Numeric),
    PrimaryKeyConstraint("root_id", "indicator", "unit", "level", "year"),
)

external_figure = Table(
    "external_figure",
    metadata,
    of_root(),
    required("code", Text),
    required("unit", CODE),
    required("period", Text),
    Column("value", Numeric),
    Column("score", Numeric),
    Column("max", Numeric),
    Column("rank", Integer),
    Column("of", Integer),
    Column("count", BigInteger),
    Column("source", Text),
    Column("note", Text),
    required("entered_by", Text),
    required("entered_at", INSTANT),
    PrimaryKeyConstraint("root_id", "code", "unit", "period"),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    of_root(),
    required("unit", CODE),
    required("scopes", ARRAY(Text)),
    required("digest", LargeBinary),
    required("pepper", LargeBinary),
    required("name", Text, server_default=""),
    required("created_at", INSTANT),
    Column("revoked_at", INSTANT),
    Column("used_at", INSTANT),
)

source = Table(
    "source",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    of_root(),
    required("name", CODE),
    UniqueConstraint("root_id", "name"),
)
