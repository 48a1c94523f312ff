/**
 * Files of variables (`.env`) that named values are written into while access lives, one for each resource. A setting of this
 * desktop: where somebody's project lies is nobody else's business.
 */
import { X } from 'lucide-react';
import { useState } from 'react';
import type { Settings } from '../../../shared/contract/settings';
import { useApi } from '../../app/queries';
import { Button, Field, Input, Select } from '../../ui';
import { useSaved } from './Row';
import styles from './settings.module.css';

/** Kinds whose credential is a set of named values. */
const KINDS: readonly string[] = ['secret', 'webhook'];

export function EnvFiles({ chosen }: { readonly chosen: Settings['envFiles'] }) {
  const { error, save } = useSaved();
  const catalog = useApi('catalog.list', {}).data?.items ?? [];
  const free = catalog
    .map(({ resource }) => resource)
    .filter(({ kind, name }) => KINDS.includes(kind) && !chosen.some((one) => one.resource === name));
  const [picked, setPicked] = useState('');
  const [text, setText] = useState('');
  const resource = free.some(({ name }) => name === picked) ? picked : (free[0]?.name ?? '');
  const path = text.trim();
  const relative = path !== '' && !/^(\/|[A-Za-z]:[\\/])/.test(path);
  const add = () => {
    if (resource === '' || path === '' || relative) return;
    void save({ envFiles: [...chosen, { resource, path }] });
    setText('');
  };
  if (free.length === 0 && chosen.length === 0) return null; // nothing that could be written there
  return (
    <form
      className={styles.file}
      onSubmit={(event) => {
        event.preventDefault();
        add();
      }}
    >
      <Field
        label="Files of variables"
        error={relative ? 'The whole path, please.' : (error ?? undefined)}
        hint="The values of a secret or webhook are added at the end of this file while access lives, and taken out again. It has to be yours alone: chmod 600."
      >
        {chosen.map((one) => (
          <div key={one.resource} className="row">
            <b>{one.resource}</b>
            <span className="mono cut grow selectable">{one.path}</span>
            <Button
              size="s"
              look="quiet"
              aria-label={`Forget the file of ${one.resource}`}
              onClick={() => void save({ envFiles: chosen.filter((other) => other.resource !== one.resource) })}
            >
              <X size={13} aria-hidden />
            </Button>
          </div>
        ))}
        {free.length > 0 && (
          <div className="row">
            <Select
              label="Resource"
              value={resource}
              onChange={setPicked}
              options={free.map(({ name }) => ({ value: name, label: name }))}
            />
            <Input
              className="mono"
              aria-label="Path of its file"
              value={text}
              maxLength={4096}
              spellCheck={false}
              placeholder="/home/me/project/.env"
              onChange={(event) => setText(event.target.value)}
            />
            <Button type="submit" disabled={path === '' || relative}>
              Add
            </Button>
          </div>
        )}
      </Field>
    </form>
  );
}
