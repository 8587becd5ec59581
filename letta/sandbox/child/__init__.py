"""What runs outside of the server: the process that tools are forked from, and what it makes of itself before one runs.

Nothing here imports a library that isn't Python's own, or reads a setting: whatever it needs comes through a pipe.
"""
