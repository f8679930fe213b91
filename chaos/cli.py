"""The ``chaos`` command."""

from __future__ import annotations

import importlib.metadata

import click

from chaos.processes.cli import processes


@click.group()
@click.version_option(importlib.metadata.version("dbt-fabricspark"), prog_name="chaos")
def main() -> None:
    """Run failure scenarios against a dbt adapter."""


main.add_command(processes)
