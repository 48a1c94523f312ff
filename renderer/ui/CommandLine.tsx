/** A command to type, with a copy button. */
import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import { IconButton } from './Button';

export interface CommandLineProps {
  readonly command: string;
  /** `whole`: as many lines as it takes. Otherwise two, and the rest in its title. */
  readonly length?: 'short' | 'whole';
  readonly onCopy: () => Promise<unknown>;
}
export function CommandLine({ command, length = 'short', onCopy }: CommandLineProps) {
  const [copied, setCopied] = useState<string | null>(null);
  const copy = () => {
    onCopy().then(
      () => setCopied(command),
      () => setCopied(null),
    );
  };
  return (
    <div className="hp-command" data-length={length}>
      <code className="mono" title={length === 'short' ? command : undefined}>
        {command}
      </code>
      <IconButton label={copied === command ? 'Copied' : 'Copy command'} onClick={copy} onBlur={() => setCopied(null)}>
        {copied === command ? <Check size={14} /> : <Copy size={14} />}
      </IconButton>
    </div>
  );
}
