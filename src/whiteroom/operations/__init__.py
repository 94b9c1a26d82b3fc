"""One file per AWS resource, one function per AWS operation: load, permit, decide, record."""
