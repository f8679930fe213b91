"""The benchmarks whose figures the documentation shows."""

from __future__ import annotations

from tests.bench import chaos, engine, growth, others, runs, server, startup, suite, together

RESULTS = tuple(each.RESULTS for each in (chaos, engine, growth, others, runs, server, startup, suite, together))
