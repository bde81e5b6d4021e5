"""Draws what a user types, by a run that makes pictures from texts."""
