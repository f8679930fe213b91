"""The Livy protocol as a client sees it. Imports no dbt."""
