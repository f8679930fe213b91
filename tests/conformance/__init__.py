"""dbt's published adapter tests, run over the fake server: see docs/conformance.md."""
