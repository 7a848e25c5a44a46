"""Token sequences: n-grams, code lengths, edits, interventions."""
