/** A command to type, with a copy button. */
import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import { IconButton } from './Button';

export function CommandLine({
  command,
  onCopy,
}: {
  readonly command: string;
  readonly onCopy: () => Promise<unknown>;
}) {
  const [copied, setCopied] = useState<string | null>(null);
  const copy = () => {
    onCopy().then(
      () => setCopied(command),
      () => setCopied(null),
    );
  };
  return (
    <div className="hp-command">
      <code className="mono cut" title={command}>
        {command}
      </code>
      <IconButton label={copied === command ? 'Copied' : 'Copy command'} onClick={copy} onBlur={() => setCopied(null)}>
        {copied === command ? <Check size={14} /> : <Copy size={14} />}
      </IconButton>
    </div>
  );
}
