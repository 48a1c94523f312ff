/** A dialog: focus is kept in it, Escape closes it, what lies beneath is inert. */
import { Dialog as Base } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import type { FormEvent, ReactNode, RefObject } from 'react';
import { Button, type ButtonLook } from './Button';

export interface DialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly about?: ReactNode;
  readonly size?: 'normal' | 'wide';
  readonly children?: ReactNode;
  /** Buttons, the main one last. */
  readonly foot?: ReactNode;
  /** Makes the dialog a form; Enter in a field submits it. */
  readonly onSubmit?: (event: FormEvent<HTMLFormElement>) => void;
  readonly initialFocus?: RefObject<HTMLElement | null>;
}
export function Dialog(props: DialogProps) {
  const { open, onClose, title, about, size = 'normal', children, foot, onSubmit, initialFocus } = props;
  const inner = (
    <>
      <div className="hp-dialog__head">
        <Base.Title>{title}</Base.Title>
        <Base.Close className="hp-icon-button" aria-label="Close">
          <X size={16} />
        </Base.Close>
      </div>
      {about !== undefined && <Base.Description className="hp-dialog__about">{about}</Base.Description>}
      {children !== undefined && <div className="hp-dialog__body">{children}</div>}
      {foot !== undefined && <div className="hp-dialog__foot">{foot}</div>}
    </>
  );
  return (
    <Base.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="hp-backdrop" />
        <Base.Popup className="hp-dialog" data-size={size} initialFocus={initialFocus}>
          {onSubmit === undefined ? (
            inner
          ) : (
            <form noValidate onSubmit={onSubmit} style={{ display: 'contents' }}>
              {inner}
            </form>
          )}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

export interface ConfirmProps {
  readonly open: boolean;
  readonly title: string;
  readonly about: ReactNode;
  readonly action: string;
  readonly look?: ButtonLook;
  readonly state?: 'idle' | 'busy';
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}
/** Asks before something that can't be taken back. The button says what it does, never "OK". */
export const Confirm = ({ open, title, about, action, look = 'danger', state, onConfirm, onClose }: ConfirmProps) => (
  <Dialog
    open={open}
    onClose={onClose}
    title={title}
    about={about}
    foot={
      <>
        <Button onClick={onClose}>Cancel</Button>
        <Button look={look} state={state} onClick={onConfirm}>
          {action}
        </Button>
      </>
    }
  />
);
