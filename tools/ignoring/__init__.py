"""Mutations of the product: what becomes of the tests where an operation ignores one member of its request."""
