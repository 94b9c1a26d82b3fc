"""Whose AWS credentials the server uses, at which endpoint, and what a refusal says."""
