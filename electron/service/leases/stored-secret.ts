/**
 * The port through which a provisioner changes the manager credential that is stored for its target (a rotated secret, who
 * holds it): sealed at once, compared and set in one transaction, so that neither a crash nor a second service loses a step.
 * Why here and not in the provisioner: provisioners know no store.
 */
import type { StoredSecret } from '../provisioners/provisioner';
import { secretContext } from '../store/secret-context';
import type { LeaseDeps } from './deps';

/** @throws when the resource is gone or its secret does not open */
export function storedSecret(deps: LeaseDeps, resource: { readonly id: string; readonly name: string }): StoredSecret {
  const { store, secretBox } = deps;
  const context = secretContext.resourceSecret(resource.id);
  return {
    async read() {
      const row = await store.db
        .selectFrom('resources')
        .select('secret_enc')
        .where('id', '=', resource.id)
        .executeTakeFirstOrThrow();
      return secretBox.open(row.secret_enc, context);
    },
    replace: (change) =>
      store.write(
        async (tx) => {
          const row = await tx.db
            .selectFrom('resources')
            .select('secret_enc')
            .where('id', '=', resource.id)
            .executeTakeFirstOrThrow();
          if (secretBox.open(row.secret_enc, context) !== change.was) return 'overtaken';
          await tx.db
            .updateTable('resources')
            .set({ secret_enc: secretBox.seal(change.now, context) })
            .where('id', '=', resource.id)
            .execute();
          if (change.rotated !== undefined)
            tx.audit({
              type: 'resource.secret_rotated',
              actor: { kind: 'service', id: null, name: 'Hallpass' },
              subject: { kind: 'resource', id: resource.id, name: resource.name },
              data: { principal: change.rotated.principal },
              resourceId: resource.id,
            });
          return 'kept';
        },
        { purpose: change.for === 'giving' ? 'change' : 'removal' },
      ),
  };
}
