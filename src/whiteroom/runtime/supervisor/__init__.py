"""What outlives the server: the process that watches one run, and what it measures and writes down."""
