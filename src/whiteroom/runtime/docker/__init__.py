"""The container runtime: images of Docker or Podman, by the Engine API."""
