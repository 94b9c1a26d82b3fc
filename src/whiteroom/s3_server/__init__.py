"""A real S3 beside the server, of its own: SeaweedFS on the data folder, a user and a bucket for each account."""
