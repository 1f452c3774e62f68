"""How the tables became what they are, one step a file in `versions`; Alembic runs them."""

REVISIONS = ("0001", "0002")
"""Every revision of the schema, the first first; a new file in `versions` adds its own here."""

HEAD = REVISIONS[-1]
"""The revision that this program reads and writes."""
