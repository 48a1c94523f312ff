/** Statements to run by hand, with a button that copies them. */
import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import { useAction } from '../../app/action';
import { invoke } from '../../app/bridge';
import { Button } from '../../ui';
import styles from './resources.module.css';

export interface CopyBlockProps {
  readonly text: string;
  /** What is copied: "the recipe". */
  readonly what: string;
}
export function CopyBlock({ text, what }: CopyBlockProps) {
  const [copied, setCopied] = useState<string | null>(null);
  const copy = useAction(async () => {
    await invoke('text.copy', { text });
    setCopied(text);
  });
  return (
    <div className={styles.copyBlock}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it */}
      <pre tabIndex={0}>{text}</pre>
      <Button size="s" aria-label={`Copy ${what}`} onClick={() => copy.run()} onBlur={() => setCopied(null)}>
        {copied === text ? <Check size={13} aria-hidden /> : <Copy size={13} aria-hidden />}
        {copied === text ? 'Copied' : 'Copy'}
      </Button>
    </div>
  );
}
