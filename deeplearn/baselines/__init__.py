"""Methods that are fitted, not trained by the loop: rows of a table, each a function that fits when it is called."""
