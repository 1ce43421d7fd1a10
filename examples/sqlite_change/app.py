"""A row changes, a JavaScript function runs: whichever program wrote the row.

A trigger notes each change; a thread sees by PRAGMA data_version that somebody wrote, and publishes what is new.
python -m flask --app examples/sqlite_change/app run, then: python examples/sqlite_change/sell.py apples
"""

import os
import sqlite3
import time
from threading import Thread

from flask import Flask

from realtime import Realtime

FILE = os.environ.get("STOCK_DB", "stock.db")
TABLES = """
CREATE TABLE IF NOT EXISTS stock (name TEXT PRIMARY KEY, amount INTEGER NOT NULL);
INSERT OR IGNORE INTO stock VALUES ('apples', 5), ('pears', 3);
CREATE TABLE IF NOT EXISTS change (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, amount INTEGER);
CREATE TRIGGER IF NOT EXISTS noted AFTER UPDATE ON stock
    BEGIN INSERT INTO change (name, amount) VALUES (new.name, new.amount); END;
"""
PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Stock</title>
<p id="stock">nothing sold yet</p>
<script>
  function stockChanged(row) { document.getElementById("stock").textContent = row.amount + " " + row.name; }
  var source = new EventSource("/events?room=stock&history=1");
  source.onmessage = function (event) { stockChanged(JSON.parse(event.data)); };
</script>
"""
app = Flask(__name__)
realtime = Realtime(app)


def watch() -> None:
    database = sqlite3.connect(FILE)
    database.executescript(TABLES)
    (seen,) = database.execute("SELECT ifnull(max(id), 0) FROM change").fetchone()
    version = None
    while True:
        (now,) = database.execute("PRAGMA data_version").fetchone()
        if now != version:
            rows = database.execute("SELECT id, name, amount FROM change WHERE id > ? ORDER BY id", (seen,)).fetchall()
            for number, name, amount in rows:
                realtime.publish("stock", {"name": name, "amount": amount}, key=f"stock-{number}")
                seen = number
            version = now
        time.sleep(0.1)


Thread(target=watch, daemon=True).start()


@app.get("/")
def page() -> str:
    return PAGE
