"""The ``chaos`` command."""

from __future__ import annotations

import importlib.metadata

import click


@click.group()
@click.version_option(importlib.metadata.version("dbt-fabricspark"), prog_name="chaos")
def main() -> None:
    """Run failure scenarios against a dbt adapter. This version ships no scenarios yet."""
