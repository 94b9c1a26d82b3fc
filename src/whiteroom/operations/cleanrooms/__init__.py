"""Operations of AWS Clean Rooms (`cleanrooms`)."""
