"""What is done with files in processes of their own: nothing of it can take the server's time, memory or secrets.

Only what these processes need is imported here: the standard library, and a parser where a file asks for one.
"""
