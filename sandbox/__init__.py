"""The whole stack on an embedded AWS on loopback: no account, no cost."""
