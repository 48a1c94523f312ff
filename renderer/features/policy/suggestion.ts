/** "/policy?suggest=orders-db": a rule for that resource is put in the draft, and the draft is opened. */
import { useEffect } from 'react';
import type { PolicyVersion } from '../../../shared/contract/policy';
import { useGo } from '../../app/navigation';
import { useApi } from '../../app/queries';
import { suggestionFor } from '../../app/rules/reach';
import { readPolicy } from '../../app/rules/read';
import { currentDraft, keepDraft } from './draft';
import { applyEdit, freeName, insertRule, lineOfPlace } from './editing';

/** Names in use, for a name nobody has yet. */
export const takenNames = (yaml: string): ReadonlySet<string> =>
  new Set(readPolicy(yaml)?.rules.map(({ rule }) => rule.name));

export function useSuggestion(inForce: PolicyVersion | undefined, resourceName: string | undefined): void {
  const go = useGo();
  const wanted = inForce !== undefined && resourceName !== undefined;
  const resources = useApi('resources.list', {}, { enabled: wanted }).data;
  useEffect(() => {
    if (inForce === undefined || resourceName === undefined || resources === undefined) return;
    const resource = resources.items.find((one) => one.name === resourceName);
    const draft = currentDraft() ?? { yaml: inForce.yaml, note: '', base: inForce };
    if (resource !== undefined) {
      const rule = suggestionFor(resource, freeName(resource.name, takenNames(draft.yaml)));
      const edit = insertRule(draft.yaml, rule);
      const yaml = applyEdit(draft.yaml, edit);
      keepDraft({ ...draft, yaml, atLine: lineOfPlace(yaml, edit.select.from) });
    }
    go('/policy', { view: 'edit' });
  }, [inForce, resourceName, resources, go]);
}
