"""The guarantees of the engine's ports, proved on every adapter by the same tests."""
