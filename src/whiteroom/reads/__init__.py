"""What operations and controllers both load, over a transaction, before a pure function decides."""
