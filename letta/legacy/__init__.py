"""Bringing over what the former upstream server (0.16) has stored. Its tables are read and never changed."""
