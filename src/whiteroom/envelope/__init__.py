"""Envelope encryption: what is kept is sealed by a data key, which a ring of keys wraps (ports/keys.py)."""
