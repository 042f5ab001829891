// Development: a gateway under `wod dev --watch` says why the last change of the zones is not in the world; the page shows it.

import { byId } from './dom.ts';

/** Between two questions, ms. */
const ASK_EVERY_MS = 1_000;

/** What the gateway answers: a text, null while all is well, undefined if it never has anything to say. */
export type Notice = string | null | undefined;

/** Asks again and again, and shows every answer that is new, until the gateway says that it never has any: usually at once. */
export async function followNotices(
  show: (text: string | null) => void = showNotice,
  ask: () => Promise<Notice> = askGateway,
  pause: (ms: number) => Promise<unknown> = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
): Promise<void> {
  let shown: string | null = null;
  for (let known = false; ; known = true) {
    let notice: Notice;
    try {
      notice = await ask();
    } catch (error) {
      // One that had notices is being started again. No other is asked twice.
      if (!known) throw error;
      notice = shown;
    }
    const text = notice ?? null;
    if (text !== shown) show(text);
    shown = text;
    if (notice === undefined) return;
    await pause(ASK_EVERY_MS);
  }
}

async function askGateway(): Promise<Notice> {
  const response = await fetch('/dev/notice', { cache: 'no-store' });
  if (response.status !== 200) return undefined;
  return (await response.json() as { text: string | null }).text;
}

function showNotice(text: string | null): void {
  byId('dev-notice-text').textContent = text ?? '';
  byId('dev-notice').hidden = text === null;
}
