"""Local images: built from a folder and its requirements, content-addressed."""
