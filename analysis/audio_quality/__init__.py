"""Recordings compared with originals: words, voice, opinions, pitch and signal, as ratios of sums over utterances."""
