"""What each part costs beside its peer, measured in the same run: `make bench` writes docs/benchmarks.md."""
