"""The documents: what they claim is so."""
