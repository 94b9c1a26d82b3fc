"""What members make and share: records, their states, and what each may be asked for."""
