"""Ways to start a run directory somewhere."""
