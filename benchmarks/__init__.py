"""Speed and size measurements against restic on real files. Not shipped, not imported by the product."""
