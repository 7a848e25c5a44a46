"""Recordings beside references: words, voice, opinions, pitch and signal, as ratios of sums over utterances."""
