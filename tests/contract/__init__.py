"""Tests of the facts that both planes share."""
