/** Checks the audit log from outside: the checkpoint’s signature, and that every entry is in its tree. */

import { fromHex } from '../../shared/crypto/bytes';
import { leafFault } from '../../shared/crypto/leaf';
import { verifyInclusion } from '../../shared/crypto/merkle';
import { openCheckpoint, parseVerifierKey } from '../../shared/crypto/note';
import type { Person } from './person';
import { must } from './timeline';

/** Every step of a grant’s life that has to be in the log. */
const WANTED = [
  'request.submitted',
  'decision.recorded',
  'request.approved',
  'grant.ready',
  'grant.provisioning',
  'grant.activated',
  'grant.ending',
  'grant.ended',
];

/** Returns the evidence; throws at the first thing that does not check out. */
export async function checkLog(auditor: Person): Promise<string> {
  const { service } = await auditor.call('me.get');
  const key = parseVerifierKey(service.logKey);
  must(key, `the log’s key is not one: ${service.logKey}`);
  const checkpoint = await auditor.call('audit.checkpoint');
  const signed = openCheckpoint(checkpoint.note, key);
  must(signed && signed.size === checkpoint.size, 'the checkpoint’s signature does not check out');
  const { entries } = await auditor.call('audit.entries', { query: { limit: 500 } });
  const types = entries.flatMap((entry) => (entry.body ? [entry.body.type] : []));
  for (const wanted of WANTED)
    must(types.includes(wanted), `no entry ${wanted} among ${[...new Set(types)].join(', ')}`);
  const inTree = entries.filter((entry) => entry.index < signed.size);
  must(inTree.length === signed.size, `${signed.size - inTree.length} entries are missing`);
  for (const entry of inTree) {
    must(leafFault(entry) === undefined, `entry ${entry.index}: ${leafFault(entry)}`);
    const proof = await auditor.call('audit.inclusion', { query: { index: entry.index, size: signed.size } });
    const holds = verifyInclusion(
      fromHex(entry.leafHash),
      entry.index,
      signed.size,
      proof.path.map(fromHex),
      signed.rootHash,
    );
    must(holds, `entry ${entry.index} is not in the tree`);
  }
  return `${inTree.length} entries without a gap, each proven in the tree of the signed checkpoint ${signed.size}`;
}
