"""The hub: who reads what, and one write per connection. It knows neither buses nor frameworks nor sockets."""
