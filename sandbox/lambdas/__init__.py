"""The data plane on an embedded AWS: tables, queues, topic, roles and functions, made through the AWS API."""
