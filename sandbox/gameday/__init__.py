"""A game day: the first region is lost, and backups go on in the second one."""
