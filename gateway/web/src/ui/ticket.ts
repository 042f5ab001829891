// A signed login in the address: `https://city.example/#ticket=eyJ…`. In the fragment, which browsers keep to themselves:
// no server's log and no other site gets to see it.

/** The ticket in an address's fragment; `undefined`: there is none. */
export function ticketIn(fragment: string): string | undefined {
  // With or without a question mark: links are typed by people.
  const ticket = new URLSearchParams(fragment.replace(/^#\??/, '')).get('ticket')?.trim();
  return ticket || undefined;
}
