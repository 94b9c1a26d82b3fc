"""What the server offers over HTTP besides AWS's protocol: metrics to its operator, delivered files to members."""
