"""Tests of retention and of the collector's parts."""
