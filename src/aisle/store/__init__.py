"""The database: tables, migrations, rows, photos on disk, keys."""
