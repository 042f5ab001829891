// How far something has come that takes its time.

import type { Progress } from '../world/goods.ts';
import { byId } from './dom.ts';

export class ProgressBar {
  readonly #box = byId('progress');
  readonly #text = byId('progress-text');
  readonly #bar = byId<HTMLProgressElement>('progress-bar');

  /** None: nothing is under way. */
  show(progress: Progress | undefined, text: string): void {
    this.#box.hidden = progress === undefined;
    if (!progress) return;
    if (this.#text.textContent !== text) this.#text.textContent = text;
    this.#bar.max = progress.all;
    this.#bar.value = progress.done;
  }
}
