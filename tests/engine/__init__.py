"""Tests of the engine on in-memory ports: no network, no AWS, no clock but the one they set."""
