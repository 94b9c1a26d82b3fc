"""Engines that run judged queries."""
