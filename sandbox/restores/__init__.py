"""Restores after disasters: one user's files in place, and everybody's from the second region alone."""
