"""Members' databases: connections that the operator has made, and what is asked and read over them, by ADBC."""
