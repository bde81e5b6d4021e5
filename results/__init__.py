"""The committed results of the runs that README quotes, and README's tables made from them."""
