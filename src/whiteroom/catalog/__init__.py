"""Says which files a configured table's reference means."""
