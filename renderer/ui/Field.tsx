/** A labelled control with its hint and its error. Base UI ties them together for screen readers. */
import { Field as Base } from '@base-ui/react/field';
import { CircleAlert } from 'lucide-react';
import type { ComponentPropsWithRef, ReactNode } from 'react';

export interface FieldProps {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly error?: string | undefined;
  /** `beside`: in a ticket, label to the left under a hairline. */
  readonly layout?: 'above' | 'beside';
  /** At the right end of the label's line: "optional", "needed for production". */
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}
export function Field({ label, hint, error, layout = 'above', aside, children }: FieldProps) {
  return (
    <Base.Root className="hp-field" data-layout={layout} invalid={error !== undefined}>
      <div className="hp-field__head">
        <Base.Label className="hp-field__label">{label}</Base.Label>
        {aside !== undefined && layout === 'above' && <span className="hp-field__hint">{aside}</span>}
      </div>
      <div className="hp-field__main">
        {children}
        {error !== undefined && (
          <Base.Error className="hp-field__error" match>
            <CircleAlert size={13} aria-hidden />
            {error}
          </Base.Error>
        )}
        {hint !== undefined && error === undefined && (
          <Base.Description className="hp-field__hint">{hint}</Base.Description>
        )}
      </div>
    </Base.Root>
  );
}

/** One line of text, in or out of a Field. */
export const Input = (props: ComponentPropsWithRef<'input'>) => (
  <Base.Control {...props} className={`hp-input ${props.className ?? ''}`} />
);
/** Several lines. Grows by its handle. */
export const TextArea = ({ ref, ...props }: ComponentPropsWithRef<'textarea'>) => (
  <Base.Control
    render={<textarea {...props} ref={ref} className={`hp-input ${props.className ?? ''}`} />}
    value={props.value as string | undefined}
  />
);
