"""What a database's own catalogue says of its schema, a line for each thing: two databases compare as sets of lines."""

from __future__ import annotations

import psycopg

_TOLD = """
WITH relation AS (SELECT * FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname !~ '^alembic_')
SELECT 'table', relname, concat_ws(' ', relkind, relpersistence, reloptions)
FROM relation WHERE relkind <> 'i'
UNION ALL
-- but not their order: a migration adds a column at the end
SELECT 'column', concat_ws('.', relname, attname),
       concat_ws(' ', format_type(atttypid, atttypmod), nullif(attcollation, 0)::regcollation, attidentity,
                 CASE WHEN attnotnull THEN 'not null' END, pg_get_expr(adbin, adrelid))
FROM relation JOIN pg_attribute ON attrelid = relation.oid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped
UNION ALL
-- with condition and storage options
SELECT 'index', relname, pg_get_indexdef(indexrelid) FROM relation JOIN pg_index ON indrelid = relation.oid
UNION ALL
-- PostgreSQL 18 has one for each column that is not null
SELECT 'constraint', concat_ws('.', relname, conname), pg_get_constraintdef(pg_constraint.oid)
FROM relation JOIN pg_constraint ON conrelid = relation.oid AND contype <> 'n'
UNION ALL
-- with the column it goes with
SELECT 'sequence', relname,
       concat_ws(' ', seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcycle, (
           SELECT concat_ws('.', refobjid::regclass, attname)
           FROM pg_depend JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
           WHERE objid = relation.oid AND deptype IN ('a', 'i')))
FROM relation JOIN pg_sequence ON seqrelid = relation.oid
"""


def described(dsn: str) -> set[tuple[str, ...]]:
    """Tables, columns, indexes, constraints and sequences of a database, but for Alembic's own."""
    with psycopg.connect(dsn) as connection:
        return set(connection.execute(_TOLD))
