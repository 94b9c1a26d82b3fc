"""What the operator does, for the command line and the console: each in one transaction, and written down."""
