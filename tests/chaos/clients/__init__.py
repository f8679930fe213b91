"""Clients that chaos is tested with: one that does everything right, and some that each do one thing wrong."""
