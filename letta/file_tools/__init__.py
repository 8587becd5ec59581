"""The tools with which agents look into the files of their folders."""
