// Serves `FakeWorld` over sockets, and the built page. For tests only: `npm run build && npm run fake`, then open
// http://127.0.0.1:7799. POST /_test/close?code=4100&retry_ms=500, /_test/cut, /_test/pause, /_test/resume and
// /_test/line?name=Vesper&mode=say&text=… make things happen; GET /_test/corrections counts refused moves.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decode, encode } from '@msgpack/msgpack';
import { WebSocketServer } from 'ws';
import { FakeWorld, MAP, TICK_HZ } from './fake-world.js';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

/** Starts the server; port 0 picks a free one. Answers its port, its world, and how to end it. */
export async function startFakeServer(port = 0) {
  const sockets = new Map();
  const world = new FakeWorld((player, message) => {
    const socket = sockets.get(player.session);
    if (socket) socket.send(socket.protocol === 'wod.v1.msgpack' ? encode(message) : JSON.stringify(message));
  });
  const http = createServer((request, response) => {
    answer(request, response, world, sockets).catch((error) => {
      response.writeHead(404).end(String(error));
    });
  });
  const wss = new WebSocketServer({
    server: http, path: '/ws', maxPayload: 16 * 1024,
    handleProtocols: (offered) => ['wod.v1.msgpack', 'wod.v1.json'].find((name) => offered.has(name)) ?? false,
  });
  wss.on('connection', (socket) => {
    let player;
    socket.on('message', (data, binary) => {
      const message = binary ? decode(data) : JSON.parse(data.toString());
      if (player) {
        // A socket that a newer one replaced is not listened to.
        if (sockets.get(player.session) !== socket) return;
        world.handle(player, message);
        if (message.t === 'bye') socket.close(1000);
        return;
      }
      const admitted = message.t === 'hello' ? world.hello(message) : { code: 4000, reason: 'hello comes first' };
      if (!admitted.player) {
        socket.close(admitted.code, admitted.reason);
        return;
      }
      player = admitted.player;
      sockets.get(player.session)?.close(4003);
      sockets.set(player.session, socket);
      world.greet(player, admitted.reason);
    });
    socket.on('close', () => {
      if (!player || sockets.get(player.session) !== socket) return;
      sockets.delete(player.session);
      if (world.players.has(player.session)) world.lost(player);
    });
  });
  const ticking = setInterval(() => world.step(), 1000 / TICK_HZ);
  await new Promise((resolve) => http.listen(port, '127.0.0.1', resolve));
  return {
    port: http.address().port,
    world,
    /** Cuts every connection without a word. */
    cut: () => wss.clients.forEach((socket) => socket.terminate()),
    stop: () => {
      clearInterval(ticking);
      wss.clients.forEach((socket) => socket.terminate());
      return new Promise((resolve) => http.close(resolve));
    },
  };
}

async function answer(request, response, world, sockets) {
  const url = new URL(request.url, 'http://fake');
  const query = Object.fromEntries(url.searchParams);
  switch (url.pathname) {
    case '/_test/close':
      for (const socket of sockets.values()) {
        const bye = { t: 'bye', code: Number(query.code), reason: query.reason ?? '', retry_ms: Number(query.retry_ms ?? 0) };
        if (query.gateway) bye.gateway = query.gateway;
        socket.send(encode(bye));
        socket.close(bye.code, bye.reason);
      }
      return response.end();
    case '/_test/cut':
      for (const socket of sockets.values()) socket.terminate();
      return response.end();
    case '/_test/pause':
      world.everybody({ t: 'paused', zone: 'nyc.elysium', reason: 'swap' });
      return response.end();
    case '/_test/resume':
      world.everybody({ t: 'resumed', zone: 'nyc.elysium', reason: 'swap' });
      return response.end();
    case '/_test/line':
      world.npcSays(query.name, query.mode, query.text);
      return response.end();
    case '/_test/corrections':
      return response.end(String(world.corrections));
    case '/maps/fake':
      return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(MAP));
    default: {
      const path = normalize(url.pathname === '/' ? '/index.html' : url.pathname);
      const body = await readFile(join(DIST, path));
      return response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(body);
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { port } = await startFakeServer(Number(process.env.PORT ?? 7799));
  console.log(`fake world on http://127.0.0.1:${port}`);
}
