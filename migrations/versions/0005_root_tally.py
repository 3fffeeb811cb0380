"""The tally of a whole root by procedure and year (decision 0004), filled from those of its units.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COUNTERS = (
    "received",
    "received_by_postal_clerk",
    "received_fee",
    "received_fee_paid_online",
    "received_synced",
    "received_disliked",
    "received_e_result",
    "received_digitised",
    "received_reused",
    "received_shared_store",
    "received_population_data",
    "ended",
    "ended_late",
    "ended_disliked",
    "ended_late_disliked",
    "ended_e_result",
    "ended_signed_result",
    "ended_digitised",
    "ended_reused",
    "ended_shared_store",
    "ended_population_data",
    "processing_seconds",
    "processing_micros",
    "missed",
    "missed_disliked",
    "returned_postal",
    "returned_online",
)


def upgrade() -> None:
    """Add the table with the sums of what is there."""
    columns = ", ".join(f"{name} {'BIGINT' if name.startswith('processing_') else 'INTEGER'}" for name in _COUNTERS)
    named, sums = ", ".join(_COUNTERS), ", ".join(f"sum({name})" for name in _COUNTERS)
    op.execute(
        "CREATE TABLE tally_dossier_root_year (root_id INTEGER NOT NULL, generation INTEGER NOT NULL,"
        f" bucket DATE NOT NULL, procedure_id INTEGER NOT NULL, channel SMALLINT NOT NULL, {columns},"
        " PRIMARY KEY (root_id, generation, bucket, procedure_id, channel))"
    )
    op.execute(
        f"INSERT INTO tally_dossier_root_year (root_id, generation, bucket, procedure_id, channel, {named})"
        f" SELECT root_id, generation, bucket, procedure_id, channel, {sums}"
        " FROM tally_dossier_year GROUP BY root_id, generation, bucket, procedure_id, channel"
    )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE tally_dossier_root_year")
