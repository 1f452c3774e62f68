"""The ``aisle`` command: one small file per command; heavy imports stay inside them."""
