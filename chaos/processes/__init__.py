"""Scenarios with real dbt processes: a project, a server that runs its SQL, and what goes wrong meanwhile."""
