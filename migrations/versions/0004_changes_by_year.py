"""Change counters by the civil year in which things happened, so that sums of closed years can be kept.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the year; what was counted before stands under year 0."""
    op.execute("ALTER TABLE unit_change ADD COLUMN year SMALLINT NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE unit_change ALTER COLUMN year DROP DEFAULT")
    op.execute("ALTER TABLE unit_change DROP CONSTRAINT unit_change_pkey")
    op.execute("ALTER TABLE unit_change ADD PRIMARY KEY (root_id, unit_id, year)")


def downgrade() -> None:
    """Add the years of a unit together again."""
    op.execute(
        "CREATE TEMPORARY TABLE together ON COMMIT DROP AS"
        " SELECT root_id, unit_id, sum(changes)::bigint AS changes FROM unit_change GROUP BY 1, 2"
    )
    op.execute("DELETE FROM unit_change")
    op.execute("ALTER TABLE unit_change DROP COLUMN year")
    op.execute("ALTER TABLE unit_change ADD PRIMARY KEY (root_id, unit_id)")
    op.execute("INSERT INTO unit_change (root_id, unit_id, changes) SELECT root_id, unit_id, changes FROM together")
