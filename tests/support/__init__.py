"""What several tests need: real servers as subprocesses, a real Redis, readers of streams. No mocks of what we own."""
