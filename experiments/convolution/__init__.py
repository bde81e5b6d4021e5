"""Convolutional networks: what a convolution is, the family from AlexNet to DenseNet, and claims about them."""
