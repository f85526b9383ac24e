"""How small and how large a chart can be, in cells; light to import, for checks of arguments."""

MIN_WIDTH, MIN_HEIGHT = 18, 4
MAX_WIDTH, MAX_HEIGHT = 500, 200
"""No terminal is larger; a wrong size is refused before it costs memory."""
