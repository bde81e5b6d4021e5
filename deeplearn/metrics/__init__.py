"""What is measured: numpy arrays in, plain numbers out."""
