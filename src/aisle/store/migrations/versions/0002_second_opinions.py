"""Products that somebody else than the last person is to answer on."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the person who is not to answer again."""
    op.add_column("queue", sa.Column("not_by", sa.String(32), nullable=True))
