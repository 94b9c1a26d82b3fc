"""What the server tells over HTTP apart from AWS's protocol: metrics to its operator, delivered files to members."""
