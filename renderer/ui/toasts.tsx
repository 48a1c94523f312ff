/**
 * Toasts: what just happened, with one action at most. Errors that need an answer do not belong here.
 * Base UI's manager, since it adds no style element (our content security policy would refuse it).
 */
import { Toast } from '@base-ui/react/toast';
import { Check, Info, TriangleAlert, X } from 'lucide-react';
import type { ReactNode } from 'react';

export type ToastTone = 'good' | 'plain' | 'bad';
export interface ToastMessage {
  readonly title: string;
  readonly about?: string | undefined;
  readonly tone?: ToastTone;
  readonly action?: { readonly label: string; readonly run: () => void } | undefined;
}
const manager = Toast.createToastManager();
const SHOWN_MS = 6_000;
const SHOWN_BAD_MS = 12_000;

/** Shows a toast; usable outside of React. A bad one stays longer and is announced at once. */
export function toast({ title, about, tone = 'good', action }: ToastMessage): void {
  const id = manager.add({
    title,
    description: about,
    type: tone,
    timeout: tone === 'bad' ? SHOWN_BAD_MS : SHOWN_MS,
    priority: tone === 'bad' ? 'high' : 'low',
    actionProps: action && {
      children: action.label,
      onClick: () => {
        action.run();
        manager.close(id);
      },
    },
  });
}

const ICONS: Record<ToastTone, ReactNode> = {
  good: <Check size={15} aria-hidden />,
  plain: <Info size={15} aria-hidden />,
  bad: <TriangleAlert size={15} aria-hidden />,
};

function ToastList() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((item) => (
    <Toast.Root key={item.id} toast={item} className="hp-toast" swipeDirection="right">
      <Toast.Content className="hp-toast__content">
        {ICONS[(item.type as ToastTone | undefined) ?? 'plain']}
        <div className="hp-toast__text">
          <Toast.Title render={<div />} />
          <Toast.Description className="hp-toast__about" render={<div />} />
        </div>
        <Toast.Action className="hp-toast__action" />
        <Toast.Close className="hp-icon-button" aria-label="Dismiss">
          <X size={14} />
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ));
}

/** Stands once, around the app. */
export function ToastProvider({ children }: { readonly children: ReactNode }) {
  return (
    <Toast.Provider toastManager={manager} limit={4}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className="hp-toasts">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}
