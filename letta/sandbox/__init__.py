"""Custom Python tools: what a source looks like to a model."""
