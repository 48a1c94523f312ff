/** The request as a ticket: level, length, why; in the stub what the policy says to exactly this, live. */
import { zodResolver } from '@hookform/resolvers/zod';
import { keepPreviousData } from '@tanstack/react-query';
import { CornerDownLeft, Star, X } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useForm, useWatch } from 'react-hook-form';
import { NewRequest, type RequestView } from '../../../shared/contract/requests';
import type { CatalogEntry } from '../../../shared/contract/resources';
import { formatDuration, parseDuration } from '../../../shared/domain/duration';
import { HOUR_MS } from '../../../shared/domain/instant';
import { MAX_REASON_CHARS, MAX_TICKET_REF_CHARS } from '../../../shared/domain/limits';
import { cutsSessions } from '../../../shared/domain/session-cuts';
import { useAction } from '../../app/action';
import { ApiError } from '../../app/api';
import { ask } from '../../app/ask';
import { useDebounced } from '../../app/debounced';
import { useKeys } from '../../app/keys';
import { useGo } from '../../app/navigation';
import { useApi } from '../../app/queries';
import { changeSettings, useSettings } from '../../app/session';
import {
  Button,
  EnvironmentMark,
  ErrorState,
  Field,
  IconButton,
  Input,
  Kbd,
  RiskPips,
  Segmented,
  TextArea,
  Ticket,
  wordsOfKind,
} from '../../ui';
import { AskAgain } from './AskAgain';
import { type Draft, draftOf, dropDraft, fittingTtl, keepDraft, PRESETS_MS } from './draft';
import { Limits } from './Limits';
import { PolicyStub } from './PolicyStub';
import styles from './request.module.css';
import { levelAnswer, sendSentence } from './wording';

const STILL_MS = 250;
const CUSTOM = 'custom';

export interface FormProps {
  readonly entry: CatalogEntry;
  /** What the link asked for; the rest comes from the draft or from habit. */
  readonly wanted: Partial<Draft>;
}
export function RequestForm({ entry, wanted }: FormProps) {
  const go = useGo();
  const { resource, levels } = entry;
  const usable = levels.find((one) => one.effect === 'auto' || one.effect === 'approve') ?? levels[0];
  const { control, register, setValue, getValues, setError, setFocus, clearErrors, formState, trigger } = useForm({
    resolver: zodResolver(NewRequest),
    defaultValues: firstDraft(entry, wanted, usable),
  });
  const draft = useWatch({ control });
  const { level = '', ttlMs = 0, reason = '', ticketRef = '' } = draft;
  const rule = levels.find((one) => one.level.name === level);
  useEffect(
    () => keepDraft(resource.id, { level, ttlMs, reason, ticketRef }),
    [resource.id, level, ttlMs, reason, ticketRef],
  );

  const body = useDebounced(JSON.stringify({ resourceId: resource.id, level, ttlMs, reason, ticketRef }), STILL_MS);
  const asked = NewRequest.safeParse(JSON.parse(body));
  const preview = useApi(
    'requests.preview',
    { body: JSON.parse(body) },
    { enabled: asked.success, placeholderData: keepPreviousData },
  );
  const barred = preview.data?.answer.effect === 'deny' || preview.data?.answer.effect === 'none';
  const problem = (field: string) => preview.data?.answer.problems.find((one) => one.field === field)?.message;

  const [failure, setFailure] = useState<ApiError | null>(null);
  const send = useAction(
    async () => {
      setFailure(null);
      if (barred || !(await trigger(undefined, { shouldFocus: true }))) return;
      await ask({ ...NewRequest.parse(getValues()) }, resource.name);
      dropDraft(resource.id);
      go('/');
    },
    (error) => {
      if (!(error instanceof ApiError)) return false;
      const fields = (['reason', 'ticketRef', 'ttlMs'] as const).filter((name) => error.fields[name] !== undefined);
      for (const name of fields) setError(name, { message: error.fields[name] });
      if (fields[0] !== undefined && fields[0] !== 'ttlMs') setFocus(fields[0]);
      setFailure(error);
      return true;
    },
  );
  useKeys([{ keys: 'ctrl+enter', label: 'Send the request', run: () => send.run() }]);
  const use = (past: RequestView) => {
    clearErrors();
    setValue('level', past.level);
    setValue(
      'ttlMs',
      fittingTtl(past.ttlMs, levels.find((one) => one.level.name === past.level)?.maxDurationMs ?? null),
    );
    setValue('reason', past.reason);
    setValue('ticketRef', past.ticketRef);
  };
  const { errors } = formState;
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        send.run();
      }}
    >
      <Ticket
        tone="raised"
        size="large"
        aria-label={`Request for ${resource.name}`}
        stub={
          <PolicyStub
            preview={preview.data}
            error={preview.error}
            loading={preview.isFetching}
            ttlMs={ttlMs}
            command={wordsOfKind(resource.kind)?.commandFor(resource.name) ?? null}
            cutsSessions={cutsSessions(resource.kind)}
          />
        }
      >
        <div className="row">
          <EnvironmentMark environment={resource.environment} />
          <RiskPips risk={resource.risk} word="with-risk" />
          <span className="grow" />
          <StarButton resourceId={resource.id} level={level} />
        </div>
        <h2 className={styles.title}>{resource.name}</h2>
        <div className={`mut ${styles.about}`}>
          {resource.targetLabel}.{resource.owners.length > 0 && ` Owned by ${resource.owners.join(', ')}.`}
          {resource.description && ` ${resource.description}`}
        </div>
        <LevelPicker
          entry={entry}
          level={level}
          onChange={(next) => {
            setValue('level', next);
            setValue('ttlMs', fittingTtl(ttlMs, levels.find((one) => one.level.name === next)?.maxDurationMs ?? null));
          }}
        />
        <LengthField
          maxMs={preview.data?.answer.maxDurationMs ?? rule?.maxDurationMs ?? null}
          level={level}
          ttlMs={ttlMs}
          onChange={(next) => setValue('ttlMs', next, { shouldValidate: formState.isSubmitted })}
          error={errors.ttlMs?.message ?? problem('ttlMs')}
        />
        <Field
          layout="beside"
          label="Why"
          error={errors.reason?.message}
          hint={rule?.reasonRequired && reason === '' ? 'Needed here; the approver reads it.' : undefined}
        >
          <TextArea rows={2} maxLength={MAX_REASON_CHARS} {...register('reason')} value={reason} />
        </Field>
        <Field
          layout="beside"
          label="Ticket"
          error={errors.ticketRef?.message}
          hint={ticketHint(preview.data?.answer.ticket, ticketRef)}
        >
          <Input
            className={`mono ${styles.ticketRef}`}
            maxLength={MAX_TICKET_REF_CHARS}
            {...register('ticketRef')}
            value={ticketRef}
          />
        </Field>
        {!barred && <Limits limits={preview.data?.limits ?? []} />}
      </Ticket>
      {failure !== null && (
        <div className={styles.failure}>
          <ErrorState error={failure} />
        </div>
      )}
      <div className={styles.send}>
        <p className={barred ? 'bad' : 'mut'}>
          {preview.data === undefined || ttlMs <= 0
            ? 'Asking the policy…'
            : sendSentence(preview.data, ttlMs, wordsOfKind(resource.kind)?.given)}
        </p>
        <Button look="primary" size="l" type="submit" data-send state={send.state} disabled={barred}>
          Request {level} for {formatDuration(ttlMs)}
          <span className={styles.sendKeys}>
            <Kbd>Ctrl</Kbd>
            <CornerDownLeft size={14} aria-hidden />
          </span>
        </Button>
      </div>
      <AskAgain resourceId={resource.id} onUse={use} />
    </form>
  );
}

function firstDraft(
  { resource, levels }: CatalogEntry,
  wanted: Partial<Draft>,
  usable: CatalogEntry['levels'][number] | undefined,
) {
  const kept = draftOf(resource.id);
  const asked = wanted.level ?? kept?.level;
  const rule = levels.find((one) => one.level.name === asked) ?? usable;
  return {
    resourceId: resource.id,
    level: rule?.level.name ?? '',
    ttlMs: fittingTtl(wanted.ttlMs ?? kept?.ttlMs ?? HOUR_MS, rule?.maxDurationMs ?? null),
    reason: wanted.reason ?? kept?.reason ?? '',
    ticketRef: wanted.ticketRef ?? kept?.ticketRef ?? '',
  };
}
function ticketHint(
  ticket: { readonly required: boolean; readonly patterns: readonly string[] } | undefined,
  value: string,
) {
  if (ticket === undefined || value !== '') return undefined;
  const like = ticket.patterns.length > 0 ? `, like ${ticket.patterns.join(' or ').replaceAll('#', '12')}` : '';
  return ticket.required ? `Needed here${like}.` : `Optional${like}.`;
}

function StarButton({ resourceId, level }: { readonly resourceId: string; readonly level: string }) {
  const favourites = useSettings().data?.favourites ?? [];
  const same = (one: (typeof favourites)[number]) => one.resourceId === resourceId && one.level === level;
  const starred = favourites.some(same);
  const toggle = useAction(() =>
    changeSettings({
      favourites: starred ? favourites.filter((one) => !same(one)) : [...favourites, { resourceId, level }],
    }),
  );
  return (
    <IconButton
      label={starred ? `${level} here is a favourite` : `Keep ${level} here as a favourite`}
      aria-pressed={starred}
      onClick={() => toggle.run()}
    >
      <Star size={16} fill={starred ? 'currentColor' : 'none'} />
    </IconButton>
  );
}

interface LevelPickerProps {
  readonly entry: CatalogEntry;
  readonly level: string;
  readonly onChange: (level: string) => void;
}
function LevelPicker({ entry, level, onChange }: LevelPickerProps) {
  const denied = entry.levels.filter((one) => one.message !== null && (one.effect === 'deny' || one.effect === 'none'));
  return (
    <>
      <div className={styles.levels} role="radiogroup" aria-label="Access level">
        {entry.levels.map((one) => {
          const said = levelAnswer(one);
          return (
            <label key={one.level.name} data-off={one.effect === 'deny' || one.effect === 'none' || undefined}>
              <input
                type="radio"
                name="level"
                value={one.level.name}
                checked={one.level.name === level}
                onChange={() => onChange(one.level.name)}
              />
              <b>{one.level.name}</b>
              <span className={`mut not-narrow ${styles.description}`} title={one.level.description}>
                {one.level.description}
              </span>
              <span className={said.tone}>{said.text}</span>
            </label>
          );
        })}
      </div>
      <div className={styles.denied}>
        {denied.map((one) => (
          <div key={one.level.name} className="bad row">
            <X size={14} aria-hidden />
            <span>
              {one.level.name}: {one.message}
            </span>
          </div>
        ))}
      </div>
    </>
  );
}

interface LengthFieldProps {
  readonly maxMs: number | null;
  readonly level: string;
  readonly ttlMs: number;
  readonly onChange: (ttlMs: number) => void;
  readonly error: string | undefined;
}
function LengthField({ maxMs, level, ttlMs, onChange, error }: LengthFieldProps) {
  const [custom, setCustom] = useState(!PRESETS_MS.includes(ttlMs));
  const [text, setText] = useState(formatDuration(ttlMs).replaceAll(' ', ''));
  const typed = parseDuration(text);
  return (
    <Field
      layout="beside"
      label="For"
      error={custom && typed === undefined ? 'Write a length such as 45m or 1h30m.' : error}
      hint={maxMs === null ? undefined : `The policy allows at most ${formatDuration(maxMs)} of ${level}.`}
    >
      <div className="row">
        <Segmented
          label="Length"
          figures="mono"
          value={custom ? CUSTOM : `${ttlMs}`}
          onChange={(value) => {
            setCustom(value === CUSTOM);
            if (value === CUSTOM) setText(formatDuration(ttlMs).replaceAll(' ', ''));
            else onChange(Number(value));
          }}
          options={[
            ...PRESETS_MS.map((ms) => ({
              value: `${ms}`,
              label: formatDuration(ms),
              barred: maxMs !== null && ms > maxMs ? `At most ${formatDuration(maxMs)}` : undefined,
            })),
            { value: CUSTOM, label: 'custom' },
          ]}
        />
        {custom && (
          <Input
            className={`mono ${styles.custom}`}
            aria-label="Length, such as 45m or 1h30m"
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              const next = parseDuration(event.target.value);
              if (next !== undefined) onChange(next);
            }}
          />
        )}
      </div>
    </Field>
  );
}
