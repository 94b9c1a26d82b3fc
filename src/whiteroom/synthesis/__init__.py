"""Makes synthetic rows that are differentially private, and attacks them before anybody may learn from them."""
