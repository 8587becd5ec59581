"""The ways of running a tool, each in a module of its own."""
