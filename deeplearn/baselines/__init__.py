"""Fitted methods that nobody trains here: rows of a table, each a function that fits when it is called."""
