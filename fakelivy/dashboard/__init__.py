"""A page at ``/_fake/`` that shows what happens on the server while it happens, and arms and clears faults."""
