"""Retention and collection: the model, its machine, and what they prove."""
