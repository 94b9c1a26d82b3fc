"""Queries over tables with differential privacy: what they do with users, and what they are taken apart into."""
