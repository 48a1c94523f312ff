/** Taking the log away: the main process asks where to, writes, and says how much it was. */
import { invoke } from '../../app/bridge';
import { wordCount } from '../../app/words';
import { toast } from '../../ui';

const entries = (count: number) => wordCount(count, 'entry', 'entries').replace(/^\d+/, count.toLocaleString('en'));
/** Nothing is said when the person cancelled. */
export async function saveLog(): Promise<void> {
  const { path, entries: count } = await invoke('audit.save', { kind: 'log' });
  if (path !== null) toast({ title: `${entries(count)} saved with their proofs`, about: path });
}
export async function saveEvidence(grantId: string, ticket: string): Promise<void> {
  const { path, entries: count } = await invoke('audit.save', { kind: 'evidence', grantId });
  if (path !== null) toast({ title: `Evidence for ${ticket} saved, ${entries(count)}`, about: path });
}
