"""The whole schema: roots and their catalogues, receipts, event log, lives and facts, tallies, rejections.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from alembic import context, op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = """
CREATE SEQUENCE event_seq;

CREATE TABLE document (
    root_id INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    unit_id INTEGER NOT NULL,
    tier SMALLINT NOT NULL,
    electronic BOOLEAN NOT NULL,
    signed BOOLEAN NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ahead_until TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (root_id, generation, subject, unit_id)
);

CREATE INDEX document_ahead ON document (root_id, generation, ahead_until)
    WHERE ahead_until IS NOT NULL;

CREATE INDEX document_by_unit ON document (root_id, generation, unit_id, subject);

CREATE TABLE event (
    root_id INTEGER NOT NULL,
    seq BIGINT DEFAULT nextval('event_seq') NOT NULL,
    time TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    source_id INTEGER NOT NULL,
    id TEXT NOT NULL,
    type SMALLINT NOT NULL,
    unit_id INTEGER NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    sequence TEXT,
    what BYTEA
);

CREATE INDEX event_by_seq ON event USING brin (seq) WITH (autosummarize = on);

ALTER SEQUENCE event_seq OWNED BY event.seq;

CREATE TABLE feed (
    root_id INTEGER NOT NULL,
    source_id INTEGER NOT NULL,
    unit_id INTEGER NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    events BIGINT NOT NULL,
    recent BYTEA NOT NULL,
    PRIMARY KEY (root_id, source_id, unit_id)
) WITH (fillfactor = 75);

CREATE TABLE feed_mark (
    id SMALLINT NOT NULL,
    seq BIGINT NOT NULL,
    read_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE life (
    root_id INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    version INTEGER DEFAULT 1 NOT NULL,
    unit_id INTEGER,
    receiving_unit_id INTEGER,
    procedure_id INTEGER,
    channel SMALLINT,
    flags SMALLINT,
    faults SMALLINT,
    voided BOOLEAN,
    received_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    deadline TIMESTAMP WITH TIME ZONE,
    due_at TIMESTAMP WITH TIME ZONE,
    returned_at TIMESTAMP WITH TIME ZONE,
    returned_via SMALLINT,
    ahead_until TIMESTAMP WITH TIME ZONE,
    events BYTEA NOT NULL,
    PRIMARY KEY (root_id, generation, subject)
)
-- Rows that are rewritten again and again keep room on their page, so that an update stays on it and touches no index.
WITH (fillfactor = 75);

CREATE INDEX life_ahead ON life (root_id, generation, ahead_until) WHERE ahead_until IS NOT NULL;

CREATE INDEX life_by_unit ON life (root_id, generation, unit_id, subject) WHERE unit_id IS NOT NULL;

CREATE INDEX life_open_deadline ON life (root_id, generation, deadline, unit_id) WHERE ended_at IS NULL;

CREATE INDEX life_with_faults ON life (root_id, generation, unit_id, subject) WHERE faults <> 0;

CREATE INDEX life_spelt_otherwise ON life
    (root_id, generation, upper(translate(subject, '‐‑‒–—―−－đ ', '--------Đ')))
    WHERE subject <> upper(translate(subject, '‐‑‒–—―−－đ ', '--------Đ'));

CREATE TABLE log_reach (
    root_id INTEGER NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (root_id)
);

CREATE TABLE petition (
    root_id INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    unit_id INTEGER NOT NULL,
    about SMALLINT NOT NULL,
    disliked BOOLEAN NOT NULL,
    voided BOOLEAN NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    deadline TIMESTAMP WITH TIME ZONE,
    late_published BOOLEAN NOT NULL,
    ahead_until TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (root_id, generation, subject, unit_id)
);

CREATE INDEX petition_ahead ON petition (root_id, generation, ahead_until)
    WHERE ahead_until IS NOT NULL;

CREATE INDEX petition_by_unit ON petition (root_id, generation, unit_id, subject);

CREATE INDEX petition_open_deadline ON petition (root_id, generation, deadline)
    WHERE ended_at IS NULL AND deadline IS NOT NULL;

CREATE INDEX petition_spelt_otherwise ON petition
    (root_id, generation, upper(translate(subject, '‐‑‒–—―−－đ ', '--------Đ')))
    WHERE subject <> upper(translate(subject, '‐‑‒–—―−－đ ', '--------Đ'));

CREATE TABLE procedure_publication (
    root_id INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    ordinal SMALLINT NOT NULL,
    decided_on DATE NOT NULL,
    effective_on DATE,
    published_on DATE,
    complete BOOLEAN,
    PRIMARY KEY (root_id, generation, subject, ordinal)
);

CREATE TABLE receipt (
    root_id INTEGER NOT NULL,
    key UUID NOT NULL,
    content UUID NOT NULL,
    PRIMARY KEY (root_id, key)
);

CREATE TABLE portal_dossier (
    root_id INTEGER NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    version INTEGER NOT NULL,
    known BYTEA NOT NULL,
    unit TEXT COLLATE "C",
    parked BOOLEAN NOT NULL,
    PRIMARY KEY (root_id, source, subject)
);

CREATE INDEX portal_dossier_parked ON portal_dossier (root_id) WHERE parked;

CREATE TABLE rejection (
    root_id INTEGER NOT NULL,
    id BIGINT GENERATED BY DEFAULT AS IDENTITY NOT NULL,
    unit TEXT COLLATE "C" NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    source TEXT COLLATE "C",
    place INTEGER NOT NULL,
    event_id TEXT,
    code TEXT NOT NULL,
    field TEXT,
    detail TEXT,
    detail_vi TEXT,
    PRIMARY KEY (root_id, id)
);

CREATE INDEX rejection_by_source ON rejection (root_id, source, id);

CREATE TABLE root (
    id INTEGER GENERATED BY DEFAULT AS IDENTITY,
    code TEXT COLLATE "C" NOT NULL,
    revision BIGINT DEFAULT '1' NOT NULL,
    generation INTEGER DEFAULT '1' NOT NULL,
    rules INTEGER NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (code)
);

CREATE TABLE verification (
    root_id INTEGER NOT NULL,
    deep BOOLEAN NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE NOT NULL,
    differences BIGINT NOT NULL,
    PRIMARY KEY (root_id, deep)
);

CREATE TABLE unit_change (
    root_id INTEGER NOT NULL,
    unit_id INTEGER NOT NULL,
    changes BIGINT NOT NULL,
    year SMALLINT NOT NULL,
    PRIMARY KEY (root_id, unit_id, year)
);

CREATE TABLE api_key (
    id TEXT NOT NULL,
    root_id INTEGER NOT NULL,
    unit TEXT COLLATE "C" NOT NULL,
    scopes TEXT[] NOT NULL,
    digest BYTEA NOT NULL,
    pepper BYTEA NOT NULL,
    name TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    used_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    FOREIGN KEY(root_id) REFERENCES root (id)
);

CREATE TABLE calendar_day (
    root_id INTEGER NOT NULL,
    day DATE NOT NULL,
    kind TEXT NOT NULL,
    name TEXT DEFAULT '' NOT NULL,
    seeded BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (root_id, day),
    FOREIGN KEY(root_id) REFERENCES root (id)
);

CREATE TABLE external_figure (
    root_id INTEGER NOT NULL,
    code TEXT NOT NULL,
    unit TEXT COLLATE "C" NOT NULL,
    period TEXT NOT NULL,
    value NUMERIC,
    score NUMERIC,
    max NUMERIC,
    rank INTEGER,
    "of" INTEGER,
    count BIGINT,
    source TEXT,
    note TEXT,
    entered_by TEXT NOT NULL,
    entered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (root_id, code, unit, period),
    FOREIGN KEY(root_id) REFERENCES root (id)
);

CREATE TABLE procedure (
    id INTEGER GENERATED BY DEFAULT AS IDENTITY,
    root_id INTEGER NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    known BOOLEAN DEFAULT false NOT NULL,
    name TEXT,
    sector TEXT,
    service_level TEXT DEFAULT 'none' NOT NULL,
    full_eligible BOOLEAN DEFAULT false NOT NULL,
    fee BOOLEAN DEFAULT false NOT NULL,
    payment_integrated BOOLEAN DEFAULT false NOT NULL,
    issues_document BOOLEAN DEFAULT true NOT NULL,
    applicants TEXT[] DEFAULT '{}' NOT NULL,
    max_working_days INTEGER,
    essential BOOLEAN DEFAULT false NOT NULL,
    units TEXT[] COLLATE "C" DEFAULT '{}' NOT NULL,
    levels TEXT[] DEFAULT '{}' NOT NULL,
    valid_from DATE,
    valid_to DATE,
    PRIMARY KEY (id),
    UNIQUE (root_id, code),
    FOREIGN KEY(root_id) REFERENCES root (id)
);

CREATE TABLE refold (
    root_id INTEGER NOT NULL,
    revision BIGINT NOT NULL,
    procedures INTEGER[] NOT NULL,
    calendar BOOLEAN NOT NULL,
    everything BOOLEAN DEFAULT false NOT NULL,
    cursor TEXT COLLATE "C" DEFAULT '' NOT NULL,
    total INTEGER NOT NULL,
    done INTEGER DEFAULT '0' NOT NULL,
    since TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (root_id),
    FOREIGN KEY(root_id) REFERENCES root (id)
);

CREATE TABLE source (
    id INTEGER GENERATED BY DEFAULT AS IDENTITY,
    root_id INTEGER NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (root_id, name),
    FOREIGN KEY(root_id) REFERENCES root (id)
);

CREATE TABLE target (
    root_id INTEGER NOT NULL,
    indicator TEXT NOT NULL,
    unit TEXT COLLATE "C" DEFAULT '' NOT NULL,
    level TEXT DEFAULT '' NOT NULL,
    year INTEGER NOT NULL,
    value NUMERIC,
    PRIMARY KEY (root_id, indicator, unit, level, year),
    FOREIGN KEY(root_id) REFERENCES root (id)
);

CREATE TABLE unit (
    id INTEGER GENERATED BY DEFAULT AS IDENTITY,
    root_id INTEGER NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    name TEXT,
    level TEXT,
    parent TEXT COLLATE "C",
    certified_copy BOOLEAN DEFAULT false NOT NULL,
    valid_from DATE,
    valid_to DATE,
    successor TEXT COLLATE "C",
    aliases TEXT[] COLLATE "C" DEFAULT '{}' NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (root_id, code),
    FOREIGN KEY(root_id) REFERENCES root (id)
);
"""

# One table for each family of lives and length of buckets: the columns of the key after the bucket, then the counters.
FAMILIES = {
    "dossier": (
        "received received_by_postal_clerk received_fee received_fee_paid_online received_synced received_disliked"
        " received_e_result received_digitised received_reused received_shared_store received_population_data"
        " ended ended_late ended_disliked ended_late_disliked ended_e_result ended_signed_result ended_digitised"
        " ended_reused ended_shared_store ended_population_data processing_seconds processing_micros"
        " missed missed_disliked returned_postal returned_online"
    ),
    "petition": "received received_disliked ended ended_late ended_disliked ended_late_disliked missed missed_disliked",
    "document": "sent electronic signed",
}
TALLIES = {
    "tally_dossier_day": "unit_id procedure_id channel",
    "tally_dossier_month": "unit_id procedure_id channel",
    "tally_dossier_year": "unit_id procedure_id channel",
    "tally_dossier_unit_day": "unit_id channel",
    "tally_dossier_unit_month": "unit_id channel",
    "tally_dossier_unit_year": "unit_id channel",
    "tally_dossier_root_year": "procedure_id channel",
    "tally_petition_unit_day": "unit_id about",
    "tally_petition_unit_month": "unit_id about",
    "tally_petition_unit_year": "unit_id about",
    "tally_document_unit_day": "unit_id tier",
    "tally_document_unit_month": "unit_id tier",
    "tally_document_unit_year": "unit_id tier",
}

# Chunks of a month: a province's log of a month fits in memory, and a year has twelve.
HYPERTABLE = """
SELECT create_hypertable('event', by_range('time', INTERVAL '1 month'), create_default_indexes => false);
"""

WHERE_CREATED = f"""
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        {HYPERTABLE.strip().replace("SELECT", "PERFORM", 1)}
    END IF;
END
$$
"""

# Where Citus is created: what refers to `root` is on every node, what else bears a root's id lies with that root on one
# of them; the rest (marks, Alembic's table) stays on the coordinator. Foreign keys are put back when both of their
# tables are on all nodes. Reference tables first: a transaction that has gone to many shards in parallel makes none.
DISTRIBUTE = """
DO $$
DECLARE
    bound RECORD;
    one REGCLASS;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        RAISE EXCEPTION 'the extensions timescaledb and citus are both created in this database: drop one of them';
    END IF;
    SET LOCAL citus.multi_shard_modify_mode TO 'sequential';
    CREATE TEMP TABLE foreign_key ON COMMIT DROP AS
        SELECT conrelid::regclass AS relation, conname, pg_get_constraintdef(oid) AS says
        FROM pg_constraint
        WHERE contype = 'f' AND confrelid = 'root'::regclass AND connamespace = current_schema()::regnamespace;
    FOR bound IN SELECT * FROM foreign_key LOOP
        EXECUTE 'ALTER TABLE ' || bound.relation || ' DROP CONSTRAINT ' || quote_ident(bound.conname);
    END LOOP;
    PERFORM create_reference_table('root');
    FOR one IN SELECT DISTINCT relation FROM foreign_key LOOP
        PERFORM create_reference_table(one);
    END LOOP;
    FOR bound IN SELECT * FROM foreign_key LOOP
        EXECUTE 'ALTER TABLE ' || bound.relation || ' ADD CONSTRAINT ' || quote_ident(bound.conname)
            || ' ' || bound.says;
    END LOOP;
    PERFORM create_distributed_table('life', 'root_id', colocate_with => 'none');
    FOR one IN
        SELECT attrelid::regclass FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attname = 'root_id' AND attnotnull
          AND attrelid <> 'life'::regclass AND attrelid NOT IN (SELECT relation FROM foreign_key)
          -- What is unique without a root (a journal's own number) cannot be proved to be so on one node.
          AND NOT EXISTS (
              SELECT FROM pg_index WHERE indrelid = attrelid AND indisunique AND NOT attnum = ANY(indkey)
          )
    LOOP
        PERFORM create_distributed_table(one, 'root_id', colocate_with => 'life');
    END LOOP;
END
$$
"""


# For operators' questions. Where TimescaleDB's edition can, `chiso migrate` and `chiso maintain` make it a continuous
# aggregate of the same columns (app/store/retention/timescale.py).
HOURLY = """
CREATE VIEW events_hourly AS
SELECT root_id, unit_id, type, date_trunc('hour', time, 'UTC') AS hour, count(*) AS events
FROM event GROUP BY 1, 2, 3, 4
"""


def upgrade() -> None:
    """Create everything; the event log as a hypertable where TimescaleDB is to be used, all spread out by Citus."""
    for statement in SCHEMA.split(";\n"):
        op.execute(statement)
    for table, keys in TALLIES.items():
        op.execute(_tally(table, keys.split(), FAMILIES[table.split("_")[1]].split()))
    timescale = context.get_context().opts.get("timescale", "auto")
    if timescale == "require":
        op.execute(HYPERTABLE)
    elif timescale == "auto":
        op.execute(WHERE_CREATED)
    op.execute(DISTRIBUTE)
    op.execute(HOURLY)


def downgrade() -> None:
    """Drop everything."""
    op.execute("DROP VIEW events_hourly")
    for table in (*TALLIES, *reversed(TABLES)):
        op.execute(f"DROP TABLE {table}")


def _tally(table: str, keys: list[str], counters: list[str]) -> str:
    columns = ["root_id INTEGER NOT NULL", "generation INTEGER NOT NULL", "bucket DATE NOT NULL"]
    columns += [f"{name} {'INTEGER' if name.endswith('_id') else 'SMALLINT'} NOT NULL" for name in keys]
    columns += [f"{name} {'BIGINT' if name.startswith('processing_') else 'INTEGER'}" for name in counters]
    key = f"PRIMARY KEY (root_id, generation, bucket, {', '.join(keys)})"
    return f"CREATE TABLE {table} ({', '.join(columns)}, {key}) WITH (fillfactor = 80)"


TABLES = [line.split()[2] for line in SCHEMA.splitlines() if line.startswith("CREATE TABLE")]
