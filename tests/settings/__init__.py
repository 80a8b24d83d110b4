"""Tests of the stack's settings."""
