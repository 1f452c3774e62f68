"""Every test of the review runs on both databases."""

from tests.databases import database, database_url

__all__ = ["database", "database_url"]
