"""Runs sealed instances on this machine. Holds nothing: a run's supervisor imports it at its start."""
