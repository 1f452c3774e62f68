"""What Alembic runs around the migrations; the connection, and its transaction, are the caller's."""

from alembic import context

from aisle.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite's, too: its transactions are begun by hand, in aisle.store.database
    render_as_batch=True,  # SQLite changes a column only by copying its table
)
context.run_migrations()
