"""The embedded SQL engine: Sail in a child process behind a catalog of our own."""
