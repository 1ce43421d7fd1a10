"""The fault drill: real servers, a real Redis and many clients, faults on purpose, and an account of every message."""
