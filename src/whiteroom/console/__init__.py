"""The console: pages for members and for the operator, over the same operations and permissions as the API."""
