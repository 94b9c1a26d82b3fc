"""Tables whose rows are in a store of objects: brought into the query's own folder, each with its owner's identity."""
