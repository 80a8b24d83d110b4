"""The simulation of runs and restores."""
