"""Apache Spark itself, by the URL of a Spark Connect server."""
