"""flask-sse as its documentation shows it: a blueprint, Redis behind it, gunicorn's gevent worker in front."""

import os

from flask import Flask, Response, request
from flask_sse import sse

app = Flask(__name__)
app.config["REDIS_URL"] = os.environ["REDIS_AT"]
app.register_blueprint(sse, url_prefix="/events")


@app.post("/publish")
def publish() -> Response:
    sse.publish(request.get_json()["data"], type="message")
    return Response(status=204)
