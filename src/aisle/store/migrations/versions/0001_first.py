"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON(none_as_null=True)


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "photos",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_photos"),
    )
    op.create_table(
        "products",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("attributes", Json, nullable=False),
        sa.Column("photo", sa.String(64), nullable=True),
        sa.Column("volume", sa.Float(), nullable=False),
        sa.Column("category", Json, nullable=True),
        sa.Column("decided_by", sa.String(16), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_products"),
        sa.ForeignKeyConstraint(["photo"], ["photos.sha256"], name="fk_products_photo_photos"),
        sa.UniqueConstraint("owner", "reference", name="uq_products_owner_reference"),
    )
    op.create_index("ix_products_created_at", "products", ["created_at"])
    op.create_table(
        "engines",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("golden", Json, nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.Column("registered_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_engines"),
    )
    op.create_table(
        "live",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("engine_id", sa.String(64), nullable=False),
        sa.Column("previous_id", sa.String(64), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_live"),
        sa.ForeignKeyConstraint(["engine_id"], ["engines.id"], name="fk_live_engine_id_engines"),
        sa.ForeignKeyConstraint(["previous_id"], ["engines.id"], name="fk_live_previous_id_engines"),
    )
    op.create_table(
        "predictions",
        sa.Column("id", Identity, nullable=False),
        sa.Column("product_id", sa.String(32), nullable=False),
        sa.Column("engine_id", sa.String(64), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("path", Json, nullable=False),
        sa.Column("leaf", Json, nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("precision", sa.Float(), nullable=False),
        sa.Column("alternatives", Json, nullable=False),
        sa.Column("modalities", Json, nullable=False),
        sa.Column("evidence", Json, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("novelty", sa.Float(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_predictions"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_predictions_product_id_products"),
    )
    op.create_index("ix_predictions_product_id_created_at", "predictions", ["product_id", "created_at"])
    op.create_index("ix_predictions_created_at", "predictions", ["created_at"])
    op.create_table(
        "queue",
        sa.Column("product_id", sa.String(32), nullable=False),
        sa.Column("prediction_id", Identity, nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("top_category", sa.Text(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(32), nullable=True),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("product_id", name="pk_queue"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_queue_product_id_products"),
        sa.ForeignKeyConstraint(["prediction_id"], ["predictions.id"], name="fk_queue_prediction_id_predictions"),
    )
    op.create_index("ix_queue_state_skipped_value", "queue", ["state", "skipped", "value"])
    op.create_index("ix_queue_claimed_by", "queue", ["claimed_by"])
    op.create_table(
        "decisions",
        sa.Column("id", Identity, nullable=False),
        sa.Column("product_id", sa.String(32), nullable=False),
        sa.Column("prediction_id", Identity, nullable=True),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("path", Json, nullable=True),
        sa.Column("queue_reason", sa.String(16), nullable=True),
        sa.Column("decided_by", sa.String(32), nullable=False),
        sa.Column("decided_name", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.Column("undone_by", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_decisions_product_id_products"),
        sa.ForeignKeyConstraint(["prediction_id"], ["predictions.id"], name="fk_decisions_prediction_id_predictions"),
    )
    op.create_index("ix_decisions_product_id_decided_at", "decisions", ["product_id", "decided_at"])
    op.create_index("ix_decisions_decided_at", "decisions", ["decided_at"])
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("sha256", name="uq_api_keys_sha256"),
    )
    op.create_table(
        "sessions",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_sessions"),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name="fk_sessions_key_id_api_keys"),
    )
    op.create_table(
        "idempotency",
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("request_sha256", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])
    op.create_table(
        "jobs",
        sa.Column("id", Identity, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("unique_name", sa.String(255), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_by", sa.String(64), nullable=True),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("unique_name", name="uq_jobs_unique_name"),
    )
    op.create_index("ix_jobs_state_not_before", "jobs", ["state", "not_before"])
