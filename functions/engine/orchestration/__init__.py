"""Runs, restores and drills over many users: decisions as pure functions, and the ports that they need."""
