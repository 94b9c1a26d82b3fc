"""Queries over tables with differential privacy, run: no number leaves without noise."""
