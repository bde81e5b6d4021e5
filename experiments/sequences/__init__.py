"""Sequences: recurrence, memory, attention and trees."""
