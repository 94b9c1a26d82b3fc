"""What Spark 3.5 reads and means: its functions, its spellings, its types."""
