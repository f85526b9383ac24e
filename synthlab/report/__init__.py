"""A finished experiment as one folder for other people: page, tables, figures, data, and what they rest on.

`writing.write_report` is the way in. The one room that imports matplotlib, and only when it draws.
"""
