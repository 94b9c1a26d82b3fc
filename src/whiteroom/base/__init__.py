"""What every other package may use: faults, ARNs, callers, time. Standard library only."""
