"""Runs the program of a stack, `__main__.py`, for real: each resource that it registers is made as it is registered."""
