"""A data plane without the program: tables, queues, topic, roles and functions, made through the AWS API in a second.

For whoever needs the functions as they are shipped, under the rights of the contract, and nothing around them: the
benchmarks of a night and of cold starts, which size it as they please, and the tests of single functions. The stack
as it is deployed is `python -m sandbox up`.
"""
