"""A small local page that draws what a user types."""
