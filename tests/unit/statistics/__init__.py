"""Checks of the inference against reference libraries, closed forms and simulation."""
