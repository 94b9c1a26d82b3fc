"""Who sees what of the work: logs, metrics, events, and what to do next."""
