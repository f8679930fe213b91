"""Livy's Python interpreter: a process per session that runs cells and reaches its tables through the session."""
