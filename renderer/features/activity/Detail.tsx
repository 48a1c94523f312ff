/** What an entry holds: its proof drawn, the signed decision, the facts, the raw data, and what can be taken away with it. */
import { CircleAlert, Copy, Download, ListFilter } from 'lucide-react';
import { useMemo } from 'react';
import type { AuditEntry, InclusionProof } from '../../../shared/contract/audit';
import { SignedDecision } from '../../../shared/contract/requests';
import { verifyDecision } from '../../../shared/crypto/statements';
import { idPattern } from '../../../shared/domain/ids';
import { useAction } from '../../app/action';
import { invoke, toUserError } from '../../app/bridge';
import { useApi } from '../../app/queries';
import { useReady } from '../../app/session';
import { Button, Seal, Skeleton, toast } from '../../ui';
import styles from './activity.module.css';
import { factsOf } from './facts';
import { proofSteps } from './proof-path';
import type { Proof } from './proofs';
import { saveEvidence } from './save';
import { ticketIn, whoDid } from './wording';

export interface DetailProps {
  readonly entry: AuditEntry;
  readonly proof: Proof | undefined;
  readonly onGrant: (grantId: string) => void;
}
export function EntryDetail({ entry, proof, onGrant }: DetailProps) {
  const { witness } = useReady();
  const within = entry.index < witness.size && witness.state !== 'broken';
  const inclusion = useApi(
    'audit.inclusion',
    { query: { index: entry.index, size: witness.size } },
    { enabled: within, staleTime: Number.POSITIVE_INFINITY },
  );
  const facts = factsOf(entry);
  return (
    <section className={styles.detail} aria-label={`Entry ${entry.index.toLocaleString('en')}, details`}>
      <div className={styles.proving}>
        {!within ? (
          <NoProof broken={witness.state === 'broken' ? (witness.detail ?? 'The log does not verify.') : null} />
        ) : inclusion.data !== undefined ? (
          <ProofDrawing entry={entry} proof={inclusion.data} verdict={proof} />
        ) : inclusion.isError ? (
          <p className="bad row">
            <CircleAlert size={14} aria-hidden /> {toUserError(inclusion.error).what}
          </p>
        ) : (
          <Skeleton height={84} />
        )}
        {facts.length > 0 && (
          <dl className={styles.facts}>
            {facts.map(({ name, value, figures }) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd className={figures === 'mono' ? 'mono' : undefined} dir="auto">
                  {value}
                </dd>
              </div>
            ))}
          </dl>
        )}
        <details className={styles.raw}>
          <summary>Raw entry</summary>
          <pre className="selectable">{JSON.stringify(entry, null, 2)}</pre>
        </details>
      </div>
      <div className={styles.side}>
        <Decision entry={entry} />
        <Actions entry={entry} inclusion={inclusion.data} onGrant={onGrant} />
      </div>
    </section>
  );
}

const NoProof = ({ broken }: { readonly broken: string | null }) =>
  broken === null ? (
    <p className="mut">
      <b>Newer than the last checkpoint.</b> It is proven with the next one, a few seconds from now.
    </p>
  ) : (
    <p className="bad">
      <b>Not proven.</b> {broken}
    </p>
  );

const short = (hex: string) => hex.slice(0, 4);
interface DrawingProps {
  readonly entry: AuditEntry;
  readonly proof: InclusionProof;
  readonly verdict: Proof | undefined;
}
/** Drawn from hashes that are computed here; the verdict is the main process's, against the root this device kept. */
function ProofDrawing({ entry, proof, verdict }: DrawingProps) {
  const steps = useMemo(() => proofSteps({ ...proof, leafHash: entry.leafHash }), [proof, entry.leafHash]);
  const root = steps?.at(-1)?.result ?? entry.leafHash;
  const fits = steps !== null && root === proof.checkpoint.rootHash;
  const failed = verdict?.state === 'failed';
  return (
    <figure className={styles.figure} data-fits={(fits && !failed) || undefined}>
      <figcaption className="lab">
        Inclusion proof, {steps?.length ?? proof.path.length} steps to checkpoint{' '}
        <span className="mono">#{proof.size.toLocaleString('en')}</span>
      </figcaption>
      <ol className={styles.path} aria-label="From this entry to the root of the log">
        <li data-end title={entry.leafHash} aria-label={`This entry: ${entry.leafHash}`}>
          <span aria-hidden>
            #{entry.index.toLocaleString('en')} {short(entry.leafHash)}
          </span>
        </li>
        {(steps ?? []).map((step, at) => (
          <li
            key={step.result}
            data-end={at === (steps?.length ?? 0) - 1 || undefined}
            title={`${step.side} sibling ${step.sibling}\ngives ${step.result}`}
            aria-label={`${step.side} sibling ${short(step.sibling)} gives ${short(step.result)}`}
          >
            <span aria-hidden>
              {at === (steps?.length ?? 0) - 1 && 'root '}
              {short(step.result)}
            </span>
            <span className={styles.sibling} aria-hidden>
              {short(step.sibling)}
            </span>
          </li>
        ))}
      </ol>
      {failed ? (
        <p className="bad">
          <b>Not proven.</b> {verdict.detail}
        </p>
      ) : (
        !fits && (
          <p className="bad">
            <b>The path does not lead to the root of the checkpoint.</b> Tell an administrator and keep this device as
            it is.
          </p>
        )
      )}
    </figure>
  );
}

/** The decision as the approver's device signed it, checked here when its key may be seen. */
function Decision({ entry }: { readonly entry: AuditEntry }) {
  const devices = useApi('devices.list', {}, { enabled: entry.type === 'decision.recorded' }).data;
  const signed = useMemo(() => {
    const { statement, signature } = entry.body?.data ?? {};
    const parsed = SignedDecision.safeParse({ statement, signature });
    return parsed.success ? parsed.data : null;
  }, [entry.body]);
  if (signed === null) return null;
  const device = devices?.items.find((one) => one.id === signed.statement.deviceId);
  const valid = device === undefined ? null : verifyDecision(device.signingKey, signed);
  return (
    <div className={styles.decision}>
      <span className="lab">Decision signed on the approver’s device</span>
      <div className={styles.signer}>
        {device !== undefined && <Seal of={device.fingerprint} sizePx={48} />}
        <div className="cut">
          <div className="cut">
            <b>{whoDid(entry).name}</b>
            {device !== undefined && `, ${device.name}`}
          </div>
          <div className="mono selectable">{device?.fingerprint ?? signed.statement.deviceId.slice(0, 14)}</div>
          {valid === true && <div className="ok">Signature valid</div>}
          {valid === false && <div className="bad">The signature does not fit</div>}
          {valid === null && <div className="mut">Key shown to administrators; the evidence file carries it.</div>}
        </div>
      </div>
    </div>
  );
}

interface ActionsProps {
  readonly entry: AuditEntry;
  readonly inclusion: InclusionProof | undefined;
  readonly onGrant: (grantId: string) => void;
}
function Actions({ entry, inclusion, onGrant }: ActionsProps) {
  const subject = entry.body?.subject;
  const request = useApi(
    'requests.get',
    { params: { id: subject?.id ?? '' } },
    { enabled: subject?.kind === 'request' && idPattern('request').test(subject.id), retry: false },
  ).data;
  const own = subject?.kind === 'grant' && idPattern('grant').test(subject.id) ? subject.id : undefined;
  const grantId = own ?? request?.grantId ?? request?.extendsGrantId ?? undefined;
  const ticket = ticketIn(entry) ?? 'this grant';
  const copy = useAction(async () => {
    await invoke('text.copy', { text: JSON.stringify(inclusion) });
    toast({ title: `Proof of entry ${entry.index.toLocaleString('en')} copied` });
  });
  const save = useAction(() => saveEvidence(grantId ?? '', ticket));
  return (
    <div className={styles.actions}>
      {inclusion !== undefined && (
        <Button size="s" state={copy.state} onClick={() => copy.run()}>
          <Copy size={13} aria-hidden /> Copy proof
        </Button>
      )}
      {grantId !== undefined && (
        <>
          <Button size="s" state={save.state} onClick={() => save.run()}>
            <Download size={13} aria-hidden /> Evidence for {ticket}
          </Button>
          <Button size="s" look="quiet" onClick={() => onGrant(grantId)}>
            <ListFilter size={13} aria-hidden /> Only this grant
          </Button>
        </>
      )}
    </div>
  );
}
