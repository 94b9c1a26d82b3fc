"""How work is done: queries, runs and synthetic data, their steps, retries and ends."""
