"""A seeded fuzzer: sessions as clients hold them, changed a little, against a real server beside an honest client."""
