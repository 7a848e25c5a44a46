"""Models that judge speech: recognizers, speaker encoders, predictors of opinion scores."""
