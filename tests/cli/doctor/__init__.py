"""What doctor decides, and what it reads."""
