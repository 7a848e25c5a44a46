"""The synthetic corpus: espeak-ng's speech with exact times."""
