"""Operations of Amazon CloudWatch (`monitoring`)."""
