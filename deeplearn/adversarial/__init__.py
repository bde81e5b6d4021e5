"""Games between a generator and a discriminator: their flags, turns, switches and the watch over them."""
