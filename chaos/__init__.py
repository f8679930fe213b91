"""Scenarios that prove what the adapter promises."""
