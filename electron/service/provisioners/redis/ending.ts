/**
 * How a temporary user ends, on each node by itself: no new log-in, its connections cut, the user gone, read back. A node
 * that is down keeps the grant from being ended; the others are done all the same.
 * What a crash leaves after each step: (off) a user that can't log in, with sessions; (killed) the same without them;
 * (deleted) nothing that works, but perhaps a line in an ACL file that brings the user back when the node starts again:
 * ending again writes the file, and the reconciler finds such a user by its mark.
 */
import { type CleanUp, type EndResult, type ReadBack, TargetError } from '../provisioner';
import { type Node, onEveryNode, type RedisTarget, replyOf } from './nodes';
import { countSessions, findUser, merged, readUser } from './users';

export async function endUser(target: RedisTarget, principal: string): Promise<EndResult> {
  const ended = await onEveryNode(target, (node) => endOn(node, principal));
  return {
    sessionsCut: ended.reduce((sum, one) => sum + one.sessionsCut, 0),
    readBack: merged(ended.map((one) => one.readBack)),
  };
}

async function endOn(node: Node, principal: string): Promise<{ sessionsCut: number; readBack: ReadBack }> {
  let sessionsCut = 0;
  if (await findUser(node, principal)) {
    await node.send('ACL', 'SETUSER', principal, 'off', 'resetpass');
    sessionsCut = await countSessions(node, principal);
    await kill(node, principal); // DELUSER cuts too; a server that one day does not is then no way in
    await node.send('ACL', 'DELUSER', principal);
  }
  await saveAclFile(node); // also when the user was gone: the end before this one may have died before it
  return { sessionsCut, readBack: await readUser(node, principal) };
}

async function kill(node: Node, principal: string): Promise<void> {
  try {
    await node.send('CLIENT', 'KILL', 'USER', principal);
  } catch (error) {
    if (!/no such user/i.test(replyOf(error))) throw error; // deleted by somebody else meanwhile
  }
}

/**
 * Writes the ACL file where the node has one, so that a restart does not bring the user back. Creating does not write it: a
 * node that restarts then forgets a live user, which ends access early and never late.
 */
async function saveAclFile(node: Node): Promise<void> {
  try {
    await node.send('ACL', 'SAVE');
  } catch (error) {
    const said = replyOf(error);
    if (/not configured to use an ACL file/i.test(said)) return;
    if (said === '') throw error;
    const what = /^NOPERM/.test(said)
      ? 'the manager may not run ACL SAVE, so nobody knows whether a restart brings the user back'
      : `its ACL file could not be written, so a restart would bring the user back: ${said}`;
    throw new TargetError('refused', `On ${node.name} the user is gone, but ${what}.`);
  }
}

/** Nothing is left but what an end takes away: a Redis user owns nothing. */
export async function cleanUpUser(target: RedisTarget, principal: string): Promise<CleanUp> {
  const { readBack } = await endUser(target, principal);
  if (!readBack.exists) return { done: true, residue: [] };
  return { done: false, residue: [{ kind: 'user', detail: `${principal} is still on a node; it is ended again.` }] };
}
