// What each close code asks of a client (PROTOCOL.md, "Close codes"), and how long to wait before coming back.

/** Stop for good, come back with the session, or come back as somebody new. */
export type AfterClose = { then: 'stop'; why: string } | { then: 'resume' } | { then: 'start_anew' };

/** What to do after a connection ended with `code`; `reason` is the server's own text, if it gave one. */
export function afterClose(code: number, reason: string): AfterClose {
  if (code === 4104) return { then: 'start_anew' };
  if (code === 1000 || code === 1009 || (code >= 4000 && code <= 4099)) {
    const said = STOPPED[code] ?? `The server ended the connection (${code}).`;
    return { then: 'stop', why: reason && !BARE.has(code) ? `${said} ${sentence(reason)}` : said };
  }
  return { then: 'resume' };
}

/** First wait after a lost connection, ms; doubles with every attempt in a row. */
export const BACKOFF_BASE_MS = 250;
/** Longest wait of our own, ms; the server's `retry_ms` may ask for more. */
export const BACKOFF_CAP_MS = 8_000;

/**
 * How long to wait before attempt number `attempt` (from 0), ms: what the server asked for, plus a doubling wait of
 * which a random half is left out, so that the clients of a restarted gateway do not all return at once.
 */
export function backoffMs(attempt: number, retryMs: number, random: number): number {
  const full = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** Math.min(attempt, 16));
  return Math.round(retryMs + full * (0.5 + 0.5 * random));
}

const STOPPED: Readonly<Record<number, string>> = {
  1000: 'You have left the world.',
  1009: 'This page sent a message that is too big. That is a bug; please report it.',
  4000: 'This page sent a message that the server could not read. That is a bug; please report it.',
  4001: 'The server did not let you in.',
  4002: 'The login took too long.',
  4003: 'You are playing from another window or device now.',
  4004: 'You were removed from the world.',
  4005: 'This page is out of date. Reload it to get the current version.',
};

/** Codes whose reason on the wire adds nothing for a player. */
const BARE: ReadonlySet<number> = new Set([1000, 1009, 4000, 4002, 4003, 4005]);

function sentence(text: string): string {
  const trimmed = text.trim();
  const upper = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(upper) ? upper : `${upper}.`;
}
