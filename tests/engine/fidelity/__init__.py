"""How near the embedded engine is to real Spark, as data."""
