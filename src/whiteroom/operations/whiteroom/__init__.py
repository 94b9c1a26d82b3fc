"""What AWS has no operation for: the service of our own (wire/service_models/)."""
