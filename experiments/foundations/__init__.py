"""Perceptrons, backpropagation and what makes networks learn."""
