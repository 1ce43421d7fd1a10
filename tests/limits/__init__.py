"""What each client may have of the server: so much time, so many events and messages a second."""
