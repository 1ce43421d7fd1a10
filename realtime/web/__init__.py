"""The doors: HTTP and Socket.IO. The only files with Flask and Socket.IO words."""
