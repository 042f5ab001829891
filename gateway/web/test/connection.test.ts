import WebSocket from 'ws';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Connection } from '../src/protocol/connection.ts';
import type { ServerMsg } from '../src/protocol/messages.ts';
import type { SavedSession, Status } from '../src/protocol/session.ts';
// @ts-expect-error plain JavaScript, for tests only
import { startFakeServer } from './fake-server.js';

let server: { port: number; cut(): void; stop(): Promise<void> };

beforeEach(async () => {
  server = await startFakeServer();
});
afterEach(() => server.stop());

test('a session survives a cut connection: nothing lost, nothing twice', async () => {
  const ann = client();
  ann.connection.login({ name: 'Ann' }, undefined);
  await vi.waitFor(() => expect(ann.heard('roster')).toHaveLength(1));
  say(ann, 'before');
  await vi.waitFor(() => expect(ann.lines()).toEqual(['before']));
  server.cut();
  await vi.waitFor(() => expect(ann.statuses.at(-1)?.is).toBe('waiting'));
  say(ann, 'while away');
  await vi.waitFor(() => expect(ann.lines()).toEqual(['before', 'while away']), { timeout: 5_000 });
  expect(new Set(ann.heard('welcome').map((message) => 'you' in message && message.you)).size).toBe(1);
  expect(ann.saved()?.n).toBe(2);
  ann.connection.leave();
});

test('a session goes on after a reload of the page', async () => {
  const ann = client();
  ann.connection.login({ name: 'Ann' }, undefined);
  await vi.waitFor(() => expect(ann.heard('zone')).toHaveLength(1));
  const again = client();
  again.connection.login({ name: 'Ann' }, ann.saved());
  await vi.waitFor(() => expect(again.heard('zone')).toMatchObject([{ reason: 'resumed' }]));
  // The older page hears that it was replaced, and does not fight for the session.
  await vi.waitFor(() => expect(ann.statuses.at(-1)?.is).toBe('stopped'));
  again.connection.leave();
});

test('a name that is taken stops with the server’s reason', async () => {
  const [ann, other] = [client(), client()];
  ann.connection.login({ name: 'Ann' }, undefined);
  await vi.waitFor(() => expect(ann.heard('zone')).toHaveLength(1));
  other.connection.login({ name: 'Ann' }, undefined);
  await vi.waitFor(() => expect(other.statuses.at(-1)).toMatchObject({ is: 'stopped', why: expect.stringContaining('Ann is here already') }));
  ann.connection.leave();
});

test.each([
  ['is played on at after', 'ws://localhost:PORT/ws', 1],
  ['that a page may not open is given up for', 'ws://forbidden/ws', 2],
])('a gateway named by the server %s its own', async (_, named, connections) => {
  const gateway = named.replace('PORT', String(server.port));
  const ann = client();
  ann.connection.login({ name: 'Ann' }, undefined);
  await vi.waitFor(() => expect(ann.heard('zone')).toHaveLength(1));
  await fetch(`http://127.0.0.1:${server.port}/_test/close?code=4100&gateway=${encodeURIComponent(gateway)}`);
  await vi.waitFor(() => expect(ann.heard('zone')).toMatchObject([{}, { reason: 'resumed' }]), { timeout: 5_000 });
  expect(ann.urls.slice(1)).toEqual([gateway, ann.urls[0]].slice(0, connections));
  ann.connection.leave();
});

interface Client {
  connection: Connection;
  statuses: Status[];
  urls: string[];
  saved(): SavedSession | undefined;
  heard(t: ServerMsg['t']): ServerMsg[];
  lines(): string[];
}

function client(): Client {
  const messages: ServerMsg[] = [];
  const statuses: Status[] = [];
  const urls: string[] = [];
  let saved: SavedSession | undefined;
  const connection = new Connection(
    `ws://127.0.0.1:${server.port}/ws`,
    { message: (message) => messages.push(message), status: (status) => statuses.push(status), lost: () => {} },
    { load: () => saved, save: (session) => { saved = session; } },
    (url, subprotocol) => {
      urls.push(url);
      if (url.includes('forbidden')) throw new DOMException('an insecure connection', 'SecurityError');
      return new WebSocket(url, subprotocol);
    },
  );
  return {
    connection,
    statuses,
    urls,
    saved: () => saved,
    heard: (t) => messages.filter((message) => message.t === t),
    lines: () => messages.flatMap((message) => (message.t === 'chat' ? [message.text] : [])),
  };
}

function say({ connection }: Client, text: string): void {
  expect(connection.command({ t: 'chat', mode: 'say', text })).toBe(true);
}
