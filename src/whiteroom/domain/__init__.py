"""The rules of a clean room, pure: records, state tables, and functions that decide. Standard library only."""
