"""The policy pack: rules over what a program registers, each with its reason. Pure, but for `pack` and `__main__`."""
