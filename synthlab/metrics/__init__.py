"""Metrics of the axes: pure functions on texts, tokens, vectors and log-probabilities."""
