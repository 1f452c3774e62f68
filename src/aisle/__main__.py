"""``python -m aisle`` is the ``aisle`` command."""

from aisle.cli.app import main

if __name__ == "__main__":
    main()
