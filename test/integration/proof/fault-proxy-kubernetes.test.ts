/** A Kubernetes API server behind a line that lies. What is asked of it: proxied-targets-facts.ts. */
import { describeBehindFaultyLine } from './proxied-targets-facts';
import { kubernetesMissing, proxiedKubernetes } from './proxied-targets-kubernetes';

const missing = kubernetesMissing();
if (missing !== null) console.warn(`Kubernetes: ${missing}.`);
describeBehindFaultyLine({ name: 'kubernetes', start: proxiedKubernetes, missing });
