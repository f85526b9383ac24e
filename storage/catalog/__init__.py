"""The SQLite catalog: an index of the run directories that can be made again from them."""
