/** Step two: how the target is reached, tried at once; what is missing comes with the statement that mends it. */
import { Check, CircleAlert, PlugZap } from 'lucide-react';
import { useWatch } from 'react-hook-form';
import type { ConnectionReport, ResourceSettings } from '../../../shared/contract/resources';
import { Button, EmptyState, Field, KINDS, Loading, Skeleton } from '../../ui';
import { CopyBlock } from './CopyBlock';
import { keepsSecret, ResourceForm, settingsOf } from './form';
import { KindPicker } from './KindPicker';
import { formOfKind } from './kinds';
import type { FieldsProps } from './kinds/kind';
import type { TestWords } from './kinds/parts/words';
import styles from './resources.module.css';
import type { Guide } from './useGuide';

export function ConnectionStep({ course }: { readonly course: Guide }) {
  const { report, reportIs, test } = course;
  const words = formOfKind(useWatch({ control: course.form.control, name: 'settings.kind' })).test;
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
                ? words.does
                : reportIs === 'old'
                  ? 'these results are of earlier settings'
                  : report.ok
                    ? 'all checks passed'
                    : 'something is missing'}
          </span>
        </div>
        {report !== null ? (
          <Report report={report} words={words} old={reportIs === 'old'} />
        ) : test.state === 'busy' ? (
          <Loading label="Testing the connection">
            <div className={styles.skeletons}>
              <Skeleton height={30} />
              <Skeleton height={30} />
              <Skeleton height={30} />
            </div>
          </Loading>
        ) : (
          <EmptyState title="Not tested yet. The test says:">{words.says}</EmptyState>
        )}
      </section>
    </div>
  );
}

function ConnectionForm({ course: { form, resource } }: { readonly course: Guide }) {
  const { control, setValue } = form;
  const values = useWatch({ control });
  const kind = values.settings?.kind ?? KINDS[0];
  const read = ResourceForm.safeParse(values);
  const keeps = read.success && keepsSecret(resource?.settings ?? null, settingsOf(read.data));
  const { Fields } = formOfKind(kind);
  return (
    <div className={styles.form}>
      {resource === null && KINDS.length > 1 && (
        <Field label="Kind">
          <KindPicker
            value={kind}
            onChange={(next) => setValue('settings', formOfKind(next).empty, { shouldDirty: true })}
          />
        </Field>
      )}
      <Fields
        key={kind}
        form={form as unknown as FieldsProps<ResourceSettings>['form']}
        secret={resource === null ? 'new' : keeps ? 'kept' : 'barred'}
      />
    </div>
  );
}

interface ReportProps {
  readonly report: ConnectionReport;
  readonly words: TestWords;
  readonly old: boolean;
}
function Report({ report, words, old }: ReportProps) {
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
              {check.remedy !== null && <p className="selectable">{check.remedy}</p>}
              {check.command !== null && <CopyBlock text={check.command} what={`what mends ${check.name}`} />}
            </div>
          </li>
        ))}
      </ul>
      <details open={!report.ok}>
        <summary>{words.recipeOf(report.targetLabel)}</summary>
        <CopyBlock text={report.recipe} what="the recipe" />
      </details>
    </div>
  );
}
