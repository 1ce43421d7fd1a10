"""Database changes that reach the page: each library is imported only in the file that is named after it."""
