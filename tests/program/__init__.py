"""Tests of the whole program, recorded as Pulumi would be told of it: no engine, no account."""
