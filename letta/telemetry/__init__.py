"""What operators are told of a running server: figures (`metrics`) and traces (`tracing`)."""
