"""Tables of Whiteroom's own catalog whose rows are in S3: what a source means there, and what its objects are."""
