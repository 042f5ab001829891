import { expect, test } from 'vitest';
import { Session } from '../src/protocol/session.ts';
import { ticketIn } from '../src/ui/ticket.ts';

test('a ticket in the fragment of the address is found', () => {
  expect(ticketIn('#ticket=abc.def-_.ghi')).toBe('abc.def-_.ghi');
  expect(ticketIn('#?ticket=abc')).toBe('abc');
  for (const none of ['', '#', '#ticket=', '#ticket=%20', '#other=abc']) expect(ticketIn(none)).toBeUndefined();
});

test('who has a ticket enters with it, and with it again when the session is gone', () => {
  const session = new Session(() => 0.5);
  session.login({ ticket: 'abc' }, undefined, 0);
  const hello = { do: 'send', message: { t: 'hello', client: 'wod-web', ticket: 'abc' } };
  expect(session.opened(1)).toEqual([hello]);
  session.received({ t: 'welcome', session: 's', token: 't', you: 4, name: 'Ann', seq: 0 }, 2);
  expect(session.saved?.who).toEqual({ ticket: 'abc' });
  session.closed(4104, '', 3);
  session.tick(60_000);
  expect(session.opened(60_001)).toEqual([hello]);
});
