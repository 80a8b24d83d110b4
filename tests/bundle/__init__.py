"""Tests of what builds the archives for Lambda."""
