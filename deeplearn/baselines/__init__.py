"""Methods that are fitted, not trained: rows of a table, each a function that fits when it is called."""
