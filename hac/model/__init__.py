"""The network: encoder, factorized bottleneck, decoder, and how they are saved and loaded."""
