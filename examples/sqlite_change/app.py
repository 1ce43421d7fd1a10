"""A row changes, a JavaScript function runs: whichever program wrote the row, in whatever language.

python -m flask --app examples/sqlite_change/app run, then: python examples/sqlite_change/sell.py apples
"""

import os
import sqlite3

from flask import Flask

from realtime import Realtime
from realtime.data.sqlite import SQLiteChanges

FILE = os.environ.get("STOCK_DB", "stock.db")
TABLE = """
CREATE TABLE IF NOT EXISTS stock (name TEXT PRIMARY KEY, amount INTEGER NOT NULL);
INSERT OR IGNORE INTO stock VALUES ('apples', 5), ('pears', 3);
"""
PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Stock</title>
<p id="stock">nothing sold yet</p>
<script>
  function stockChanged(row) { document.getElementById("stock").textContent = row.amount + " " + row.name; }
  var source = new EventSource("/events?room=stock");
  source.addEventListener("change", function (event) { stockChanged(JSON.parse(event.data).row); });
</script>
"""
with sqlite3.connect(FILE) as database:
    database.executescript(TABLE)

app = Flask(__name__)
realtime = Realtime(app)
changes = SQLiteChanges(FILE, realtime)
changes.watch("stock", room="stock")  # triggers note each change in its own transaction
changes.start()


@app.get("/")
def page() -> str:
    return PAGE
