"""The roles of a database, each with no more rights than it needs, as statements for who administers the server.

owner   owns the tables: `chiso migrate`, and `maintain` and `rebuild` where their VACUUM and ANALYZE are wanted at once
writer  reads and writes rows: `chiso serve` and every other command; the audit log it only adds to
reader  looks: tables for a dashboard or a report, without what keys are known by, and without the audit log

The statements may be run again, and are to be after a migration: what is new is the writer's at once, and the reader's
from then on.
"""

from __future__ import annotations

from typing import Final

from app.store.schema import api_key, audit

_KEPT_FROM_READERS: Final = ("digest", "pepper")
_TABLE_OF_REVISION: Final = "alembic_version"


def sql(prefix: str) -> str:
    """The statements that make `prefix`_owner, _writer and _reader in the database they are run in. No passwords."""
    names = {role: f"{prefix}_{role}" for role in ("owner", "writer", "reader")}
    told = ", ".join(column.name for column in api_key.columns if column.name not in _KEPT_FROM_READERS)
    return _STATEMENTS.format(**names, api_key=api_key.name, told=told, audit=audit.name, revision=_TABLE_OF_REVISION)


_STATEMENTS: Final = """\
-- Run in the database of chiso (psql -d DATABASE), by a superuser, or by its owner who may make roles and databases.
-- Passwords are set apart from this, as the server's rules have them: \\password {owner} and so on in psql.
BEGIN;

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['{owner}', '{writer}', '{reader}'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        END IF;
    END LOOP;
    -- Who is no superuser gives away only as one of those who get it.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT {owner} TO CURRENT_USER;
    END IF;
    EXECUTE format('ALTER DATABASE %I OWNER TO {owner}', current_database());
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO {writer}', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO {reader}', current_database());
    EXECUTE format('ALTER ROLE {reader} IN DATABASE %I SET default_transaction_read_only = on', current_database());
END $$;

-- Tables that another role has made go to the owner, with their sequences and indexes; those of extensions stay.
DO $$
DECLARE
    made record;
BEGIN
    FOR made IN
        SELECT c.oid::regclass AS name, CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                                        WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
        FROM pg_class AS c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
            AND c.relowner <> '{owner}'::regrole
            AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                            AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i')))
    LOOP
        BEGIN
            EXECUTE format('ALTER %s %s OWNER TO {owner}', made.kind, made.name);
        EXCEPTION WHEN feature_not_supported OR wrong_object_type OR invalid_parameter_value THEN
            -- What looks like a view and is a continuous aggregate of TimescaleDB's.
            EXECUTE format('ALTER MATERIALIZED VIEW %s OWNER TO {owner}', made.name);
        END;
    END LOOP;
END $$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO {owner};
GRANT USAGE ON SCHEMA public TO {writer}, {reader};

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {writer};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {writer};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {writer};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {writer};
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader};
GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {reader};

DO $$
BEGIN
    IF to_regclass('public.{revision}') IS NOT NULL THEN
        REVOKE INSERT, UPDATE, DELETE ON {revision} FROM {writer};
    END IF;
    -- What was done stays told, whatever who did it would have.
    IF to_regclass('public.{audit}') IS NOT NULL THEN
        REVOKE UPDATE, DELETE ON {audit} FROM {writer};
        REVOKE SELECT ON {audit} FROM {reader};
    END IF;
    -- By what a key is known no report needs to see.
    IF to_regclass('public.{api_key}') IS NOT NULL THEN
        REVOKE SELECT ON {api_key} FROM {reader};
        GRANT SELECT ({told}) ON {api_key} TO {reader};
    END IF;
END $$;

COMMIT;
"""
