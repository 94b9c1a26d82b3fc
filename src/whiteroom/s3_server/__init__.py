"""An S3 server beside Whiteroom: SeaweedFS on the data folder, with a user and a bucket for each account."""
