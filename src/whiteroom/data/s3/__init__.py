"""Data kept in S3, with a cache on this machine."""
