"""What is shipped to Lambda: the functions as one archive, the packages they need as another.

Standard library and pip only, so that the program that deploys and the sandbox build the same bytes.
"""
