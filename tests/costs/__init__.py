"""Tests of the forecast of a month."""
