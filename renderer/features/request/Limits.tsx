/** What the target can't do, in its provisioner's words: the same ones that the approver reads, before anything is sent. */
import { TriangleAlert } from 'lucide-react';
import styles from './request.module.css';

export const Limits = ({ limits }: { readonly limits: readonly string[] }) =>
  limits.length === 0 ? null : (
    <section className={styles.told} aria-labelledby="request-limits">
      <span id="request-limits" className="lab">
        To know
      </span>
      <ul className={styles.limits}>
        {limits.map((limit) => (
          <li key={limit}>
            <TriangleAlert size={14} className="warn" aria-hidden />
            {limit}
          </li>
        ))}
      </ul>
    </section>
  );
