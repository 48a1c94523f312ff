/** Removals that hang, for whoever may end that access: stands over every screen until the last of them is read back. */
import { TriangleAlert } from 'lucide-react';
import { Banner, Button } from '../ui';
import { useGo } from './navigation';
import { useApi } from './queries';
import { wordTime } from './words';

export function AlarmBanner() {
  const go = useGo();
  const live = useApi('grants.list', { query: { scope: 'live' } }).data;
  const hanging = (live?.items ?? []).filter((grant) => grant.state === 'ending' && grant.removal.alarmed);
  const [first] = hanging;
  if (first === undefined) return null;
  const since = first.removal.since === null ? '' : ` since ${wordTime(first.removal.since)}`;
  return (
    <Banner
      tone="bad"
      icon={<TriangleAlert size={15} aria-hidden />}
      action={
        <Button size="s" onClick={() => go('/')}>
          Show
        </Button>
      }
    >
      <b>
        {hanging.length === 1
          ? `${first.holder.displayName}’s access to ${first.resource.name} could not be removed${since}.`
          : `${hanging.length} removals could not be confirmed, the first${since}: ${first.resource.name}.`}
      </b>{' '}
      It may still work. We keep trying
      {first.removal.lastError === null ? '.' : ` (${first.removal.lastError.replace(/\.$/, '')}).`}
    </Banner>
  );
}
