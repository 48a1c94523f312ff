/** Sending a request, from the form, the palette or a favourite: once per wish, remembered for next time, told in a toast. */
import type { NewRequest, RequestView } from '../../shared/contract/requests';
import { formatDuration } from '../../shared/domain/duration';
import { toast } from '../ui';
import { api } from './api';
import { invalidate } from './queries';
import { changeSettings, currentSettings } from './session';

export type Wish = Omit<NewRequest, 'startWhen'>;
const MOST_RECENT = 10;

/** A key that stays the same while the wish does, so that a retry after a lost answer is not a second request. */
export function createWishKey(newKey: () => string): (wish: Wish) => string {
  let last: { readonly wish: string; readonly key: string } | null = null;
  return (wish) => {
    const text = JSON.stringify(wish);
    if (last?.wish !== text) last = { wish: text, key: newKey() };
    return last.key;
  };
}
let keyFor = createWishKey(() => crypto.randomUUID());

/** Sends it. Throws an `ApiError`; nothing is lost, the same wish can be sent again. */
export async function ask(wish: Wish, resourceName: string): Promise<RequestView> {
  const settings = await currentSettings();
  const request = await api(
    'requests.submit',
    { body: { ...wish, startWhen: settings.startWhen } },
    { idempotencyKey: keyFor(wish) },
  );
  keyFor = createWishKey(() => crypto.randomUUID()); // the wish is fulfilled: the same words again are a new wish
  invalidate(['requests.list', 'grants.list']);
  toast(said(request, resourceName));
  const { resourceId, level, ttlMs, reason } = wish;
  const others = settings.recent.filter((one) => one.resourceId !== resourceId || one.level !== level);
  await changeSettings({ recent: [{ resourceId, level, ttlMs, reason }, ...others].slice(0, MOST_RECENT) });
  return request;
}

function said(request: RequestView, name: string): Parameters<typeof toast>[0] {
  const title = `${request.ticket}: ${request.level} on ${name}, ${formatDuration(request.ttlMs)}`;
  if (request.state === 'auto_approved' || request.state === 'approved')
    return { title, about: 'Approved at once; a login is being made.' };
  if (request.state === 'denied_by_policy')
    return { title: `${title} was denied`, about: request.deniedBecause ?? undefined, tone: 'bad' };
  if (request.state === 'blocked')
    return { title, about: request.blockedBecause ?? 'Nobody may approve it now.', tone: 'bad' };
  return { title, about: 'Sent. You are told here and in the tray.' };
}
