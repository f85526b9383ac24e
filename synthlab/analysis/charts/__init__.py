"""Charts for a terminal: descriptions in, grids of coloured cells out; the one room that knows plotext.

`adapter.draw` is the way in. plotext draws what needs more than a cell's resolution (lines, points,
error bars) on a bare canvas; frames, labels, boxes and bars are laid out here, so that no text and no
number of the data ever reaches its compiled part unchecked.
"""
