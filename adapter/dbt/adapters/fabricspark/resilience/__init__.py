"""Generic parts of waiting and talking over an unreliable network. Imports neither dbt nor Livy."""
