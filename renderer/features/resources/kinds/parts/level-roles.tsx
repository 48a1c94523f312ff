/** One box per level: its name, the role on the target that stands for it, what is the kind's own, and whether it makes access. */
import { Plus, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button, Field, Input } from '../../../../ui';
import { plainError } from '../../field-values';
import styles from '../../resources.module.css';

const MAX_ROLES = 10;
/** What the boxes of every kind hold, as a form has it. */
export interface LevelRole {
  readonly level: string;
  readonly role: string;
  readonly createsAccess?: boolean | undefined;
}
interface RoleErrors {
  readonly level?: { readonly message?: string };
  readonly role?: { readonly message?: string };
}
interface BoxProps<R extends LevelRole> extends Pick<LevelRolesProps<R>, 'placeholder' | 'creates' | 'children'> {
  readonly role: R;
  readonly index: number;
  readonly errors: RoleErrors | undefined;
  readonly onChange: (role: R) => void;
  readonly onRemove: (() => void) | null;
}
function LevelRoleBox<R extends LevelRole>(props: BoxProps<R>) {
  const { role, index, errors, placeholder, creates, children, onChange, onRemove } = props;
  return (
    <fieldset className={styles.levelRole} aria-label={`Level ${role.level}`}>
      <div className={styles.levelRoleHead}>
        <Field label="Level" error={plainError(errors?.level?.message, role.level)}>
          <Input
            className="mono"
            placeholder="read-only"
            value={role.level}
            onChange={(event) => onChange({ ...role, level: event.currentTarget.value })}
          />
        </Field>
        <Field label="Role" error={plainError(errors?.role?.message, role.role)}>
          <Input
            className="mono"
            placeholder={placeholder}
            value={role.role}
            onChange={(event) => onChange({ ...role, role: event.currentTarget.value })}
          />
        </Field>
        {onRemove !== null && (
          <button
            type="button"
            className={`hp-icon-button ${styles.removeLevel}`}
            aria-label={`Remove ${nameOf(role)}`}
            onClick={onRemove}
          >
            <X size={14} aria-hidden />
          </button>
        )}
      </div>
      {children(role, onChange, index)}
      <label className={styles.createsAccess}>
        <input
          type="checkbox"
          checked={role.createsAccess ?? false}
          onChange={(event) => onChange({ ...role, createsAccess: event.currentTarget.checked })}
        />
        <span>
          {creates}
          <span className="small mut"> Those outlive the grant; requester and approver are told.</span>
        </span>
      </label>
    </fieldset>
  );
}
/** What a level is called while it has no name. */
export const nameOf = ({ level }: Pick<LevelRole, 'level'>): string => (level === '' ? 'this level' : level);

export interface LevelRolesProps<R extends LevelRole> {
  readonly roles: readonly R[];
  readonly onChange: (roles: R[]) => void;
  /** What another level begins with. */
  readonly empty: R;
  readonly errorsOf: (index: number) => RoleErrors | undefined;
  readonly listError: string | undefined;
  /** A name of a role, as an example. */
  readonly placeholder: string;
  /** What a holder can do where a level makes access of its own, as a sentence without its full stop. */
  readonly creates: string;
  /** What else the kind asks of a level. */
  readonly children: (role: R, onChange: (role: R) => void, index: number) => ReactNode;
}
export function LevelRoles<R extends LevelRole>(props: LevelRolesProps<R>) {
  const { roles, onChange, empty, errorsOf, listError, ...box } = props;
  return (
    <>
      {roles.map((role, index) => (
        <LevelRoleBox
          // biome-ignore lint/suspicious/noArrayIndexKey: rows have no name of their own until one is typed
          key={index}
          {...box}
          role={role}
          index={index}
          errors={errorsOf(index)}
          onChange={(next) => onChange(roles.map((other, at) => (at === index ? next : other)))}
          onRemove={roles.length > 1 ? () => onChange(roles.filter((_, at) => at !== index)) : null}
        />
      ))}
      {listError !== undefined && <p className="bad small">{listError}</p>}
      {roles.length < MAX_ROLES && (
        <div className="row">
          <Button size="s" onClick={() => onChange([...roles, empty])}>
            <Plus size={13} aria-hidden />
            Add a level
          </Button>
        </div>
      )}
    </>
  );
}
