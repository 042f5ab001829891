import { describe, expect, test } from 'vitest';
import { afterClose, BACKOFF_CAP_MS, backoffMs } from '../src/protocol/close.ts';

describe('close codes', () => {
  test.each([1000, 1009, 4000, 4001, 4002, 4003, 4004, 4005, 4042, 4099])('%i stops and says why', (code) => {
    const after = afterClose(code, '');
    expect(after).toMatchObject({ then: 'stop', why: expect.stringMatching(/\S/) });
  });

  test.each([1001, 1005, 1006, 1011, 4100, 4101, 4102, 4103, 4150, 4199])('%i comes back with the session', (code) => {
    expect(afterClose(code, '')).toEqual({ then: 'resume' });
  });

  test('4104 begins anew', () => {
    expect(afterClose(4104, 'expired')).toEqual({ then: 'start_anew' });
  });

  test('the reason of a kick is told as a sentence', () => {
    expect(afterClose(4004, 'shouting in the library')).toEqual({
      then: 'stop', why: 'You were removed from the world. Shouting in the library.',
    });
  });
});

describe('back-off', () => {
  test('it doubles up to its cap', () => {
    const waits = [0, 1, 2, 3, 4, 5, 6, 60].map((attempt) => backoffMs(attempt, 0, 1));
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
    expect(waits.at(-1)).toBe(BACKOFF_CAP_MS);
  });

  test('jitter leaves out up to half of it', () => {
    expect(backoffMs(3, 0, 0)).toBe(1000);
    expect(backoffMs(3, 0, 0.5)).toBe(1500);
  });

  test('it never comes earlier than the server asked for', () => {
    expect(backoffMs(0, 5000, 0)).toBeGreaterThanOrEqual(5000);
  });
});
