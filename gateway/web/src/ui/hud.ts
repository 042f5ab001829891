// The top of the page: where one is, how the connection is, and the banner for everything out of the ordinary.

import type { PauseReason, ZoneInfo } from '../protocol/messages.ts';
import type { Status } from '../protocol/session.ts';
import { byId } from './dom.ts';

export class Hud {
  readonly #bar = byId('hud');
  readonly #zoneName = byId('zone-name');
  readonly #zoneDetail = byId('zone-detail');
  readonly #link = byId('link');
  readonly #linkText = byId('link-text');
  readonly #banner = byId('banner');
  #connection = '';
  #pause = '';
  #pace = '';

  constructor(leave: () => void) {
    byId('leave').addEventListener('click', leave);
  }

  show(visible: boolean): void {
    this.#bar.hidden = !visible;
    if (!visible) this.#banner.hidden = true;
  }

  zone(zone: ZoneInfo): void {
    this.#zoneName.textContent = placeName(zone.zone);
    this.#zoneDetail.textContent = title(zone.region);
    document.title = `${this.#zoneName.textContent} · World of Darkness`;
  }

  status(status: Status): void {
    this.#link.dataset['state'] = status.is;
    this.#linkText.textContent = { offline: 'offline', connecting: 'connecting', playing: 'connected', waiting: 'reconnecting', stopped: 'offline' }[status.is];
    // While the next attempt is under way, the banner still says why there has to be one.
    if (status.is === 'waiting') this.#connection = status.why;
    else if (status.is !== 'connecting') this.#connection = '';
    this.#show();
  }

  paused(reason: PauseReason | undefined): void {
    this.#pause = reason ? PAUSED[reason] : '';
    this.#show();
  }

  /** Time dilation: 1 is real time. */
  pace(dilation: number): void {
    this.#pace = dilation < 0.95 ? `So much is happening here that time runs at ${Math.round(dilation * 100)} %.` : '';
    this.#show();
  }

  #show(): void {
    const text = this.#connection || this.#pause || this.#pace;
    if (this.#banner.textContent !== text) this.#banner.textContent = text;
    this.#banner.hidden = text === '';
  }
}

const PAUSED: Readonly<Record<PauseReason, string>> = {
  swap: 'The night holds its breath: this place is being changed…',
  migrating: 'This place is moving to another host…',
  recovering: 'This place is being brought back…',
  backplane: 'The world stands still for a moment…',
};

/** What people call a zone: `nyc.docks` is the Docks. */
export function placeName(zone: string): string {
  return title(zone.split('.').at(-1) ?? zone);
}

/** `old-town` to `Old Town`, `nyc` to `NYC`. */
function title(id: string): string {
  if (/^[a-z]{1,3}$/.test(id)) return id.toUpperCase();
  return id.split(/[-_ ]+/).map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(' ');
}
