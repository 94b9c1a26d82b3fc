"""Whiteroom: a self-hosted clean room for machine learning that speaks the AWS Clean Rooms ML protocol."""
