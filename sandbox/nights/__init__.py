"""Nights of a stack that is up: users and their files, the runs that the scheduler starts, what must be true then."""
