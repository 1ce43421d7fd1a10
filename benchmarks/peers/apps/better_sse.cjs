// better-sse behind Express: one channel, as its README shows it.
const express = require("express");
const { createChannel, createSession } = require("better-sse");

const app = express();
const channel = createChannel();
app.get("/events", async (request, response) => {
  channel.register(await createSession(request, response));
});
app.post("/publish", express.json({ limit: "1mb" }), (request, response) => {
  channel.broadcast(request.body.data, "message");
  response.status(201).json({ ok: true });
});
const http = app.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  console.log(`Listening on http://127.0.0.1:${http.address().port}`);
});
