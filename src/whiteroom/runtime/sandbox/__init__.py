"""The sandbox runtime: local images under bubblewrap."""
