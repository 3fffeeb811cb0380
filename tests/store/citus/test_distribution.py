"""Where Citus is created, every table lies where its statements find it on one node."""

from __future__ import annotations

import re

import psycopg
import pytest

from app.store import migrate
from app.store.schema import metadata
from tests import citus
from tests.store.described import described

REFERENCE = {
    "api_key", "calendar_day", "external_figure", "procedure", "refold", "root", "source", "target", "unit",
}  # fmt: skip
DISTRIBUTED = {
    "audit", "document", "event", "feed", "life", "log_reach", "petition", "portal_dossier",
    "portal_source", "portal_untold", "portal_value",
    "procedure_publication", "receipt", "rejection", "unit_change", "verification",
    "tally_dossier_day", "tally_dossier_month", "tally_dossier_year", "tally_dossier_unit_day",
    "tally_dossier_unit_month", "tally_dossier_unit_year", "tally_dossier_root_year", "tally_petition_unit_day",
    "tally_petition_unit_month", "tally_petition_unit_year", "tally_document_unit_day", "tally_document_unit_month",
    "tally_document_unit_year",
}  # fmt: skip


def test_facts_log_receipts_and_tallies_lie_by_root_and_catalogues_everywhere(pretended: str) -> None:
    told = citus.placed(pretended)
    assert told[0] == ("root", None, None)
    assert {table for table, by, _ in told if by is None} == REFERENCE
    assert [by is None for _, by, _ in told] == [True] * len(REFERENCE) + [False] * len(DISTRIBUTED), "reference first"
    first, *others = told[len(REFERENCE) :]
    assert first == ("life", "root_id", "none")
    assert {each[0] for each in others} == DISTRIBUTED - {"life"}
    assert {each[1:] for each in others} == {("root_id", "life")}
    assert set(metadata.tables) - REFERENCE - DISTRIBUTED == {"feed_mark"}, "what has no root stays on the coordinator"


def test_the_schema_is_the_same_as_everywhere(pretended: str, postgres_database: str) -> None:
    """Foreign keys that had to give way are put back under their names."""
    assert described(pretended) == described(postgres_database)


def test_both_extensions_in_one_database_are_refused(plain: str) -> None:
    citus.pretend(plain)
    with psycopg.connect(plain) as connection:
        connection.execute("INSERT INTO pg_extension SELECT 76601, 'timescaledb', 10, 11, false, '2.19.3'")
    with pytest.raises(migrate.TwoExtensions, match="timescaledb and citus are both created"):
        migrate.upgrade(plain, "off")
    with psycopg.connect(plain) as connection:
        assert connection.execute("SELECT to_regclass('root')").fetchone() == (None,)
        statements = migrate.sql("off")
        with pytest.raises(psycopg.errors.RaiseException, match="both created"):
            connection.execute(re.sub(r"^(BEGIN|COMMIT);$", "", statements, flags=re.M))
