"""What each client may have of the server: time."""
