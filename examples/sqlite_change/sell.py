"""Another program, which knows nothing of Flask: it changes a row. The page of app.py shows it at once.

python examples/sqlite_change/sell.py apples
"""

import os
import sqlite3
import sys

with sqlite3.connect(os.environ.get("STOCK_DB", "stock.db")) as database:
    database.execute("UPDATE stock SET amount = amount - 1 WHERE name = ?", (sys.argv[1],))
