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

/** Every message of the protocol; the compiler misses one that is left out. */
const MESSAGES: Readonly<Record<ServerMsg['t'], true>> = {
  welcome: true, zone: true, roster: true, history: true, update: true, correct: true, chat: true, dialogue: true,
  event: true, ignored: true, tags: true, verbs: true, name: true, barrier: true, ack: true, reject: true, paused: true,
  resumed: true, pong: true, bye: true,
};
const KNOWN: ReadonlySet<string> = new Set(Object.keys(MESSAGES));
