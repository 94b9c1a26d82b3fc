"""Data that is sealed where it is kept, and is in memory alone where it is open."""
