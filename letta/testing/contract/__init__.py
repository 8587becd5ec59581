"""What the former server's API was, as data, and how ours is compared with it."""
