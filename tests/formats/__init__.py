"""Repositories of every released format version, and the tests that open them for ever."""
