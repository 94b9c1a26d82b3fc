"""Operations of AWS Security Token Service (`sts`)."""
