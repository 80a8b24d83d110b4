"""One module a Lambda function: `handle(event, context)`. They read the environment and call the runtime."""
