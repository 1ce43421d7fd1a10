"""Wire formats: values to bytes and back. No sockets, no clock, no framework in this folder."""
