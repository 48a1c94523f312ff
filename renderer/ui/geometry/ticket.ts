/**
 * What a ticket looks like in each state, as words that ticket.css draws.
 * Pure and free of imports; the consent page uses it too.
 */
export type TicketTone = 'green' | 'amber' | 'red' | 'blank' | 'raised' | 'torn';
export type RingTone = 'green' | 'amber' | 'red' | 'none';

/** Tone of a running grant by urgency (see shared/domain/duration). */
export function toneOf(urgency: 'calm' | 'soon' | 'last'): 'green' | 'amber' | 'red' {
  if (urgency === 'last') return 'red';
  return urgency === 'soon' ? 'amber' : 'green';
}
