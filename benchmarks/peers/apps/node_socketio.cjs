// Socket.IO on Node: rooms, a publish that is acknowledged, nothing else.
const { createServer } = require("node:http");
const { Server } = require("socket.io");

const http = createServer();
const io = new Server(http, { maxHttpBufferSize: 1e6 });
io.on("connection", (socket) => {
  socket.on("join", ({ room }, answer) => {
    socket.join(room);
    answer({ ok: true });
  });
  socket.on("publish", ({ room, data }, answer) => {
    io.to(room).emit("message", data);
    answer({ ok: true });
  });
});
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  console.log(`Listening on http://127.0.0.1:${http.address().port}`);
});
