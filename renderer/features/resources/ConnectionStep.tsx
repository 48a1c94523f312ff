/** Step two: how the target is reached, tried at once; what is missing comes with the statement that mends it. */
import { Check, CircleAlert, PlugZap } from 'lucide-react';
import { useWatch } from 'react-hook-form';
import type { ConnectionReport, ResourceSettings } from '../../../shared/contract/resources';
import { Button, EmptyState, Field, Input, Loading, Segmented, Skeleton, TextArea } from '../../ui';
import { CopyBlock } from './CopyBlock';
import { firstOf } from './FactsStep';
import { keepsSecret, plainError, ResourceForm, settingsOf } from './form';
import styles from './resources.module.css';
import { TokenField } from './TokenField';
import type { Guide } from './useGuide';

type Tls = ResourceSettings['tls'];
const TLS: Record<Tls, { readonly label: string; readonly hint: string; readonly tone: string }> = {
  'verify-full': { label: 'verify-full', hint: 'Encrypted, and the server proves its name.', tone: '' },
  require: { label: 'require', hint: 'Encrypted, but anybody could answer as this server.', tone: 'warn' },
  prefer: { label: 'prefer', hint: 'Encrypted when the server offers it; not proven.', tone: 'warn' },
  disable: { label: 'disable', hint: 'Not encrypted. For sockets and this machine only.', tone: 'warn' },
};
const NUMBER_HINT = 'A whole number';

export function ConnectionStep({ course }: { readonly course: Guide }) {
  const { report, reportIs, test } = course;
  return (
    <div className={styles.connection}>
      <ConnectionForm course={course} />
      <section className={styles.tested} aria-label="Test">
        <div className="row">
          <Button
            look={report?.ok && reportIs === 'current' ? 'plain' : 'primary'}
            data-test
            state={test.state}
            onClick={() => test.run()}
          >
            <PlugZap size={14} aria-hidden />
            Test connection
          </Button>
          <span className="small dim" role="status">
            {test.state === 'busy'
              ? 'asking the target…'
              : report === null
                ? 'logs in and tries the rights; changes nothing'
                : reportIs === 'old'
                  ? 'these results are of earlier settings'
                  : report.ok
                    ? 'all checks passed'
                    : 'something is missing'}
          </span>
        </div>
        {report !== null ? (
          <Report report={report} old={reportIs === 'old'} />
        ) : test.state === 'busy' ? (
          <Loading label="Testing the connection">
            <div className={styles.skeletons}>
              <Skeleton height={30} />
              <Skeleton height={30} />
              <Skeleton height={30} />
            </div>
          </Loading>
        ) : (
          <EmptyState title="Not tested yet">
            The test says what the manager’s log-in may do, what it lacks, and which statement mends it. It also shows
            the least rights it needs on this version of PostgreSQL.
          </EmptyState>
        )}
      </section>
    </div>
  );
}

function ConnectionForm({ course: { form, resource } }: { readonly course: Guide }) {
  const { register, control, setValue, formState } = form;
  const errors = formState.errors.settings;
  const values = useWatch({ control });
  const settings = values.settings;
  const tls = settings?.tls ?? 'prefer';
  const read = ResourceForm.safeParse(values);
  const stored = resource?.settings ?? null;
  const keeps = read.success && keepsSecret(stored, settingsOf(read.data));
  return (
    <div className={styles.form}>
      <div className={styles.hostPort}>
        <Field label="Host" error={plainError(errors?.host?.message, settings?.host)}>
          <Input className="mono" placeholder="db.internal or /var/run/postgresql" {...register('settings.host')} />
        </Field>
        <Field label="Port" error={errors?.port && `${NUMBER_HINT} from 1 to 65535.`}>
          <Input className="mono" inputMode="numeric" {...register('settings.port', { setValueAs: asNumber })} />
        </Field>
      </div>
      <Field label="Database" error={plainError(errors?.database?.message, settings?.database)}>
        <Input className="mono" placeholder="orders" {...register('settings.database')} />
      </Field>
      <div className={styles.half}>
        <Field label="Manager user" error={plainError(errors?.managerUser?.message, settings?.managerUser)}>
          <Input className="mono" autoComplete="off" {...register('settings.managerUser')} />
        </Field>
        <Field
          label="Manager password"
          error={formState.errors.secret?.message}
          hint={
            resource === null
              ? 'Stored encrypted; never shown again.'
              : keeps
                ? 'Empty: the stored one is used.'
                : 'Host, port, user or TLS changed: type it again.'
          }
        >
          <Input
            type="password"
            autoComplete="new-password"
            placeholder={keeps ? '•••••••• stored' : undefined}
            {...register('secret')}
          />
        </Field>
      </div>
      <Field label="TLS" hint={<span className={TLS[tls].tone}>{TLS[tls].hint}</span>}>
        <div className="row">
          <Segmented
            label="TLS"
            figures="mono"
            value={tls}
            onChange={(next) => setValue('settings.tls', next)}
            options={(Object.keys(TLS) as Tls[]).map((value) => ({ value, label: TLS[value].label }))}
          />
        </div>
      </Field>
      {tls === 'verify-full' && (
        <Field
          label="CA certificate"
          aside="optional, PEM"
          error={errors?.caCertificate?.message}
          hint="Without one, the authorities that this machine trusts."
        >
          <TextArea
            rows={2}
            className="mono"
            spellCheck={false}
            placeholder="-----BEGIN CERTIFICATE-----"
            {...register('settings.caCertificate')}
            value={settings?.caCertificate ?? ''}
          />
        </Field>
      )}
      <TokenField
        label="Schemas"
        spelling="exact"
        value={settings?.schemas ?? []}
        onChange={(next) => setValue('settings.schemas', next, { shouldValidate: true })}
        hint="The levels open the tables of these, today’s and later ones."
        error={
          errors?.schemas === undefined
            ? undefined
            : (firstOf(errors.schemas) ?? 'Name at least one schema, 50 at most.')
        }
      />
      <Field
        label="Connections per log-in"
        error={errors?.connectionLimit && `${NUMBER_HINT} from 1 to 100.`}
        hint="How many sessions one grant may have open at once."
      >
        <Input
          className={`mono ${styles.short}`}
          inputMode="numeric"
          {...register('settings.connectionLimit', { setValueAs: asNumber })}
        />
      </Field>
    </div>
  );
}
/** What is not a number stays wrong, so that it is said; it is never made 0. */
const asNumber = (text: unknown) => (text === '' || text === null ? Number.NaN : Number(text));

function Report({ report, old }: { readonly report: ConnectionReport; readonly old: boolean }) {
  return (
    <div className={styles.report} data-old={old || undefined}>
      <ul aria-label="Checks">
        {report.checks.map((check) => (
          <li key={`${check.name} ${check.detail}`}>
            {check.ok ? (
              <Check size={15} className="ok" aria-hidden />
            ) : (
              <CircleAlert size={15} className="bad" aria-hidden />
            )}
            <div>
              <b>{check.name}</b> <span className="sr-only">{check.ok ? 'passed: ' : 'failed: '}</span>
              <span className="mut selectable">{check.detail}</span>
              {check.remedy !== null && <CopyBlock text={check.remedy} what={`what mends ${check.name}`} />}
            </div>
          </li>
        ))}
      </ul>
      <details open={!report.ok}>
        <summary>The manager’s least rights on {report.targetLabel}</summary>
        <CopyBlock text={report.recipe} what="the recipe" />
      </details>
    </div>
  );
}
