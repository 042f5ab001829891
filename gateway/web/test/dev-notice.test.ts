import { expect, test } from 'vitest';
import { followNotices } from '../src/ui/dev-notice.ts';
import type { Notice } from '../src/ui/dev-notice.ts';

/** Everything shown while the gateway answers this, one after the other. */
async function shown(answers: readonly (Notice | Error)[]): Promise<{ texts: (string | null)[]; asked: number }> {
  const texts: (string | null)[] = [];
  let asked = 0;
  const ask = async (): Promise<Notice> => {
    const answer = answers[asked];
    asked += 1;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  await followNotices((text) => texts.push(text), ask, async () => undefined);
  return { texts, asked };
}

test('a notice is shown once, replaced by the next, and goes when the build succeeds', async () => {
  const first = 'error: expected `;`\n --> elysium/src/talk.rs:7';
  const { texts } = await shown([null, first, first, '<b>second</b>', null, null, undefined]);
  expect(texts).toEqual([first, '<b>second</b>', null]);
});

test('a gateway without notices is asked once', async () => {
  expect(await shown([undefined, 'never asked'])).toEqual({ texts: [], asked: 1 });
});

test('a gateway that is started again keeps its notice until it answers', async () => {
  const gone = new Error('no answer');
  const { texts, asked } = await shown(['broken', gone, gone, 'broken', undefined]);
  expect(texts).toEqual(['broken', null]);
  expect(asked).toBe(5);
  await expect(shown([gone])).rejects.toThrow('no answer');
});
