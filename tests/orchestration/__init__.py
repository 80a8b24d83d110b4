"""Tests of runs, restores and drills on in-memory ports, with messages that come twice, late and after crashes."""
