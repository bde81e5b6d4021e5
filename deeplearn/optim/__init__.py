"""Optimisers and schedules by their field names."""
