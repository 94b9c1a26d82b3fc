"""Runs isolated instances on this machine. This file is empty: a run's supervisor imports it at its start."""
