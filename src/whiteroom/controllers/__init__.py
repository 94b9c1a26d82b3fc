"""The work that operations record: one file per noun that takes time, and the loop that drives them all."""
