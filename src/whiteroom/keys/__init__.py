"""Key rings (ports/keys.py): a master key in a file, AWS KMS, and one that seals nothing."""
