"""Operations of AWS Clean Rooms ML (`cleanrooms-ml`)."""
