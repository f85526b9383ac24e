"""Where a number comes from, what it touches, and whether it still is what it was."""
