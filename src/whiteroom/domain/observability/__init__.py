"""What is seen of work afterwards, and by whom: logs, metrics, events, and what to do next."""
