"""Looks at a stack from outside and says what is wrong with it: readings of AWS to findings, each with its remedy."""
