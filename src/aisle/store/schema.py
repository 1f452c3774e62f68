"""The tables. Times are whole microseconds since 1970 in UTC; category paths, attributes and evidence are JSON."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import JSON

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names of constraints, the same on every database, so that migrations can speak of them."""

metadata = MetaData(naming_convention=NAMES)

Identity = BigInteger().with_variant(Integer, "sqlite")
"""Numbers that the database gives: SQLite counts only what is called INTEGER."""

photos = Table(
    "photos",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

products = Table(
    "products",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(32), nullable=False),  # the key that posted it
    Column("reference", Text, nullable=True),  # what the owner calls it
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("photo", String(64), ForeignKey("photos.sha256"), nullable=True),
    Column("volume", Float, nullable=False),
    Column("category", JSON(none_as_null=True), nullable=True),
    Column("decided_by", String(16), nullable=True),  # "engine" or "person"
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    UniqueConstraint("owner", "reference"),
    Index(None, "created_at"),
)

engines = Table(
    "engines",
    metadata,
    Column("id", String(64), primary_key=True),  # the engine's fingerprint
    Column("folder", Text, nullable=False),
    Column("golden", JSON, nullable=False),  # what it answered when it was registered
    Column("registered_at", BigInteger, nullable=False),
    Column("registered_by", Text, nullable=False),
)

live = Table(
    "live",
    metadata,
    Column("id", Integer, primary_key=True),  # always 1
    Column("engine_id", String(64), ForeignKey("engines.id"), nullable=False),
    Column("previous_id", String(64), ForeignKey("engines.id"), nullable=True),
    Column("generation", Integer, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
)

predictions = Table(
    "predictions",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("product_id", String(32), ForeignKey("products.id"), nullable=False),
    Column("engine_id", String(64), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("path", JSON, nullable=False),
    Column("leaf", JSON, nullable=False),
    Column("probability", Float, nullable=False),
    Column("precision", Float, nullable=False),  # what was promised
    Column("alternatives", JSON, nullable=False),
    Column("modalities", JSON, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Column("novelty", Float, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "product_id", "created_at"),
    Index(None, "created_at"),
)

queue = Table(
    "queue",
    metadata,
    Column("product_id", String(32), ForeignKey("products.id"), primary_key=True),
    Column("prediction_id", Identity, ForeignKey("predictions.id"), nullable=False),
    Column("reason", String(16), nullable=False),  # review, disagreement, audit, second, conflict
    Column("state", String(16), nullable=False),  # waiting, closed
    Column("value", Float, nullable=False),
    Column("top_category", Text, nullable=False),  # the first step of the most probable leaf
    Column("skipped", Integer, nullable=False),  # how often; each time it falls behind
    Column("claimed_by", String(32), nullable=True),
    Column("claimed_until", BigInteger, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, nullable=True),
    Column("not_by", String(32), nullable=True),  # who answered last, where somebody else is to answer
    Index(None, "state", "skipped", "value"),
    Index(None, "claimed_by"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("product_id", String(32), ForeignKey("products.id"), nullable=False),
    Column("prediction_id", Identity, ForeignKey("predictions.id"), nullable=True),
    Column("source", String(16), nullable=False),  # seller, moderator
    Column("kind", String(16), nullable=False),  # accept, change, none, skip
    Column("path", JSON(none_as_null=True), nullable=True),
    Column("queue_reason", String(16), nullable=True),  # why it lay on the queue
    Column("decided_by", String(32), nullable=False),  # a key
    Column("decided_name", Text, nullable=False),  # its name then
    Column("decided_at", BigInteger, nullable=False),
    Column("undone_at", BigInteger, nullable=True),
    Column("undone_by", String(32), nullable=True),
    Index(None, "product_id", "decided_at"),
    Index(None, "decided_at"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=True),
    Column("revoked_at", BigInteger, nullable=True),
    Column("used_at", BigInteger, nullable=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),  # session, ticket
    Column("key_id", String(32), ForeignKey("api_keys.id"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("owner", String(32), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("route", Text, nullable=False),
    Column("request_sha256", String(64), nullable=False),
    Column("status", Integer, nullable=True),
    Column("body", Text, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "created_at"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("unique_name", String(255), nullable=True, unique=True),
    Column("state", String(16), nullable=False),  # waiting, running, done, dead
    Column("attempts", Integer, nullable=False),
    Column("leased_by", String(64), nullable=True),
    Column("leased_until", BigInteger, nullable=True),
    Column("not_before", BigInteger, nullable=False),
    Column("error", Text, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Index(None, "state", "not_before"),
)
