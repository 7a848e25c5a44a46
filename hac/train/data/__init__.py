"""The speech that is trained on: split, batched, cut, augmented."""
