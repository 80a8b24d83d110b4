"""The infrastructure: one component a file, each with its Args; `__main__.py` alone knows how they hang together."""
