"""Which column of which table every part of a query is made of, and what is done with it."""
