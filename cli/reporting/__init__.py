"""What a stack's state looks like: gathered once, put into figures, shown on a terminal, as JSON and as a page.

`gather` reads through the runtime; everything else is pure, from data to data and to text.
"""
