"""A page in QtWebKit (Debian's python3-pyqt5.qtwebkit), driven by lines of JSON, which are answered by lines of JSON.

    /usr/bin/python3 qtwebkit.py URL [BEFORE]

It runs in the system's Python, which has the engine, and knows nothing of the project. BEFORE is JavaScript that is run
ahead of the page's own. First it says ``{"loaded": true}``. Then ``{"js": expression}`` is answered by
``{"value": …}``; ``{"keys": text}`` presses the keys, ``{"picture": path}`` makes one, and both are answered by
``{"value": null}``. What the page writes to the console, errors included, comes in between as ``{"console": …}``. It
ends with its input.
"""

import json
import os
import sys

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PyQt5.QtCore import QSocketNotifier, Qt, QUrl
from PyQt5.QtTest import QTest
from PyQt5.QtWebKitWidgets import QWebPage, QWebView
from PyQt5.QtWidgets import QApplication


def say(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Page(QWebPage):
    def javaScriptConsoleMessage(self, message, line, source):
        say(console=f"{message} ({source}:{line})")


class Drive:
    """Does what stands in the input."""

    def __init__(self, app, view):
        self.app, self.view, self.rest = app, view, b""
        self.notifier = QSocketNotifier(0, QSocketNotifier.Read)
        self.notifier.activated.connect(self.read)

    def read(self):
        data = os.read(0, 65536)
        if not data:
            self.app.quit()
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            ((name, value),) = json.loads(line).items()
            say(value=getattr(self, "do_" + name)(value))

    def do_js(self, text):
        text = "JSON.stringify((function () { return " + text + "; }()))"
        value = self.view.page().mainFrame().evaluateJavaScript(text)
        return None if value is None else json.loads(value)

    def do_keys(self, text):
        for key in text:
            if key == "\n":
                QTest.keyClick(self.view, Qt.Key_Return)
            else:
                QTest.keyClicks(self.view, key)

    def do_picture(self, path):
        self.view.grab().save(path)


def main(url, before=""):
    app = QApplication(["qtwebkit"])
    view = QWebView()
    page = Page()
    view.setPage(page)
    frame = page.mainFrame()
    frame.javaScriptWindowObjectCleared.connect(lambda: frame.evaluateJavaScript(before))
    drive = []

    def loaded(ok):
        say(loaded=bool(ok))
        drive[:] = drive or [Drive(app, view)]

    page.loadFinished.connect(loaded)
    view.resize(1024, 720)
    view.show()
    view.load(QUrl(url))
    app.exec_()


main(*sys.argv[1:])
