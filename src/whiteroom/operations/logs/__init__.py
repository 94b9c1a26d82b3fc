"""Operations of Amazon CloudWatch Logs (`logs`)."""
