"""Rights: what each function was granted, what it asked for, and why some of it was never used."""
