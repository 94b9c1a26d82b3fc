"""What the server tells its operator over HTTP, apart from the protocol that members speak."""
