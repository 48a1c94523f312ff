/** What one person may ask for, and what the policy says to each level. What isn't requestable by them is left out. */
import type { CatalogEntry } from '../../../shared/contract/resources';
import type { Caller } from './caller';
import { answer, loadPolicy } from './context';
import type { AccessDeps } from './deps';
import { loadDirectory } from './directory';
import { levelList } from './json';
import { callerFacts } from './submit';
import { resourceView } from './views';

export async function catalog(deps: AccessDeps, caller: Caller): Promise<{ items: CatalogEntry[]; nextCursor: null }> {
  const { db } = deps.store;
  const directory = await loadDirectory(db);
  const person = await callerFacts(directory, caller);
  const policy = await loadPolicy(db);
  const at = deps.clock.now();
  const resources = await db
    .selectFrom('resources')
    .selectAll()
    .where('state', '=', 'active')
    .orderBy('name')
    .execute();
  const items: CatalogEntry[] = [];
  for (const resource of resources) {
    const levels = levelList(resource.levels).map((level) => {
      const said = answer(policy, { person, resource, level: level.name, ask: null, at });
      return {
        level,
        effect: said.effect,
        maxDurationMs: said.maxDurationMs,
        approvals: said.approvals,
        message: said.message,
        reasonRequired: said.reasonRequired,
        ticketRequired: said.ticket.required,
        maxPerDayMs: said.maxPerDayMs,
        endOn: said.endOn,
      };
    });
    // Administrators see also what nobody can ask for: it is theirs to mend.
    if (person.roles.has('admin') || levels.some((level) => level.effect !== 'none'))
      items.push({ resource: resourceView(resource, 'everybody'), levels });
  }
  return { items, nextCursor: null };
}
