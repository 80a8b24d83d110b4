"""The engine's ports on AWS services and on a local disk, and in-memory and fault-injecting ones for tests."""
