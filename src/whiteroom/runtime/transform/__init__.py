"""The batch transform: the client that feeds a model server."""
