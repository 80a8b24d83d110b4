"""What survives when the process dies, the store fails or bytes go bad, at every step of a job."""
