"""What pages on vectors of sentences share: their flags, how they read a sentence, one evaluation, pictures."""
