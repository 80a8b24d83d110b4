"""Facts that both planes share: the key layout, table keys and names. Standard library only, no I/O, no decisions.

Everything in the project may import this package; it imports nothing of ours.
"""
