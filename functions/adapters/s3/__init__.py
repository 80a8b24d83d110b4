"""Amazon S3 over libcurl: one thread drives all connections, a request costs a third of the CPU of the usual SDKs.

`transport` moves bytes and retries, `signing` signs, `client` names S3's operations and turns its refusals into
the error tree; `blobs`, `source` and `destination` are the engine's ports. See docs/adr/0001-s3-over-libcurl.md.
"""
