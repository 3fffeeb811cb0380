"""Writing in fewer steps: lives carry the number of their changes, the log keeps data packed.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and keep a unit's index from being taken for looking up a subject."""
    op.execute("ALTER TABLE life ADD COLUMN version INTEGER DEFAULT 1 NOT NULL")
    op.execute("ALTER TABLE event ADD COLUMN what BYTEA")
    op.execute("DROP INDEX life_by_unit")
    op.execute("CREATE INDEX life_by_unit ON life (root_id, generation, unit_id, subject) WHERE unit_id IS NOT NULL")


def downgrade() -> None:
    """As it was, unless that would lose what events said."""
    op.execute(
        """
        DO $$
        BEGIN
            IF EXISTS (SELECT FROM event WHERE what IS NOT NULL) THEN
                RAISE EXCEPTION 'events were logged since this migration; without it their data would be lost';
            END IF;
        END
        $$
        """
    )
    op.execute("ALTER TABLE event DROP COLUMN what")
    op.execute("DROP INDEX life_by_unit")
    op.execute("CREATE INDEX life_by_unit ON life (root_id, generation, unit_id, subject)")
    op.execute("ALTER TABLE life DROP COLUMN version")
