"""The parts of the scripted model: scripts, wire formats, recording and the HTTP server that plays them."""
