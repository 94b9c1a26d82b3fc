"""Data that is sealed where it is kept, and lies in memory alone where it is open."""
