"""Finds in texts what policies hide: numbers, members' own expressions, personal information."""
