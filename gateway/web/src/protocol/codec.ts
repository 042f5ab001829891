// Frames to messages and back: MessagePack maps with the protocol's names.

import { decode, encode } from '@msgpack/msgpack';
import type { ClientMsg, ServerMsg } from './messages.ts';

/** The WebSocket subprotocol this client asks for. */
export const SUBPROTOCOL = 'wod.v1.msgpack';

export function encodeMessage(message: ClientMsg): Uint8Array<ArrayBuffer> {
  return encode(message, { ignoreUndefined: true });
}

/**
 * Reads one frame. The gateway is trusted to keep to the types of its own `t`s; a frame that is no message at all
 * throws, and one with an unknown `t` (a later version's addition) is answered with `undefined`.
 */
export function decodeMessage(frame: ArrayBuffer): ServerMsg | undefined {
  const value = decode(frame);
  if (typeof value !== 'object' || value === null || typeof (value as { t?: unknown }).t !== 'string') {
    throw new Error('a frame from the gateway is not a message');
  }
  return KNOWN.has((value as { t: string }).t) ? (value as ServerMsg) : undefined;
}

const KNOWN: ReadonlySet<string> = new Set<ServerMsg['t']>([
  'welcome', 'zone', 'roster', 'update', 'correct', 'chat', 'dialogue', 'event', 'tags', 'verbs', 'name', 'barrier',
  'ack', 'reject', 'paused', 'resumed', 'pong', 'bye',
]);
