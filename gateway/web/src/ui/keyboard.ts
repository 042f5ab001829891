// Keys that walk and keys that call something up. Whoever types into a field is left alone.

export interface KeyboardEvents {
  /** Direction held: x east, y north, each -1, 0 or 1. */
  steer(x: number, y: number): void;
  /** A key for the page itself; answers whether it was used. */
  press(key: string): boolean;
}

const WALK: Readonly<Record<string, readonly [number, number]>> = {
  KeyW: [0, 1], ArrowUp: [0, 1],
  KeyS: [0, -1], ArrowDown: [0, -1],
  KeyA: [-1, 0], ArrowLeft: [-1, 0],
  KeyD: [1, 0], ArrowRight: [1, 0],
};

export function listenToKeyboard(events: KeyboardEvents): void {
  const held = new Set<string>();
  const steer = (): void => {
    let x = 0;
    let y = 0;
    for (const code of held) {
      const [dx, dy] = WALK[code]!;
      x += dx;
      y += dy;
    }
    events.steer(Math.sign(x), Math.sign(y));
  };
  const release = (): void => {
    held.clear();
    steer();
  };

  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || typing(event.target)) return;
    // By place on the keyboard, so that the four keys lie together in every layout.
    if (event.code in WALK) {
      event.preventDefault();
      if (!held.has(event.code)) {
        held.add(event.code);
        steer();
      }
    } else if (!event.repeat && !(activates(event) && onControl(event.target)) && events.press(event.key)) {
      event.preventDefault();
    }
  });
  addEventListener('keyup', (event) => {
    if (held.delete(event.code)) steer();
  });
  // A key let go while the page does not look is never told.
  addEventListener('blur', release);
  document.addEventListener('visibilitychange', release);
  document.addEventListener('focusin', (event) => {
    if (typing(event.target)) release();
  });
}

function typing(target: EventTarget | null): boolean {
  return (target instanceof HTMLInputElement && target.type !== 'checkbox') || target instanceof HTMLTextAreaElement;
}

function activates(event: KeyboardEvent): boolean {
  return event.key === 'Enter' || event.key === ' ';
}

function onControl(target: EventTarget | null): boolean {
  return target instanceof HTMLButtonElement || target instanceof HTMLInputElement || (target instanceof HTMLElement && target.tagName === 'SUMMARY');
}
