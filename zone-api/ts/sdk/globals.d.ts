// What of the usual globals a zone has beside the language's own. `src` is checked without the DOM's and Node's types, so that
// clocks, timers and sockets are unknown names there.

interface Console {
  /** Lines for operators: in the zone's log. */
  debug(...parts: unknown[]): void;
  log(...parts: unknown[]): void;
  info(...parts: unknown[]): void;
  warn(...parts: unknown[]): void;
  error(...parts: unknown[]): void;
}
declare const console: Console;

declare class TextEncoder {
  encode(text?: string): Uint8Array;
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean });
  decode(bytes?: Uint8Array): string;
}

/** What stands in for the time of day: no number and no text, so that whoever reckons with it is told when types are checked. */
interface NoClock {
  readonly "a zone has no clock: use zone.frame.gameMs": never;
}
interface DateConstructor {
  /** @deprecated A zone has no clock: use zone.frame.gameMs. */
  now(): NoClock;
  /** @deprecated A zone has no clock: use zone.frame.gameMs. */
  new (): NoClock;
}

// For tests: as much of Node as they need.
declare module "node:test" {
  export function test(name: string, body: () => void): void;
  export function describe(name: string, body: () => void): void;
  export function it(name: string, body: () => void): void;
  export function beforeEach(body: () => void): void;
}
declare module "node:assert/strict" {
  const assert: {
    (value: unknown, message?: string): asserts value;
    ok(value: unknown, message?: string): asserts value;
    equal<T>(actual: T, expected: T, message?: string): void;
    notEqual<T>(actual: T, expected: T, message?: string): void;
    deepEqual<T>(actual: T, expected: T, message?: string): void;
    match(actual: string, expected: RegExp, message?: string): void;
    throws(body: () => unknown, expected?: RegExp): void;
  };
  export default assert;
}
