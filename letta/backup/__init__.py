"""Backups of all that is stored, made and restored by the server's own means.

A backup is a zip file: the rows of each table as Postgres copies them out, and a manifest that says of which revision
of the schema they are. Nothing but a connection is needed, through a pooler of any kind as well, and neither the name
of the schema nor the version of Postgres need be the same afterwards.
"""
