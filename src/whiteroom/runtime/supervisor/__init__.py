"""The process that watches one run and outlives the server, and what it measures and records."""
