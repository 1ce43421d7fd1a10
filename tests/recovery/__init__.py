"""Connection state recovery, asked for by the stock client."""
