"""What every other room may stand on: faults, ARNs, callers, time. Standard library only."""
