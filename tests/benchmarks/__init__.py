"""Tests of how benchmarks count; the figures themselves are not tested."""
