/**
 * The words of each kind of target, for every screen: its name, its icon, and what will be typed to use it.
 * One more kind: one line here (it does not compile before). Its form: features/resources/kinds.
 */
import { Cloud, Database, KeySquare, Layers, type LucideIcon, Ship, SquareTerminal, Webhook } from 'lucide-react';
import type { ResourceSettings } from '../../shared/contract/resources';
import { kubernetesName } from '../../shared/domain/ids';

export type Kind = ResourceSettings['kind'];
interface KindWords {
  readonly label: string;
  readonly Icon: LucideIcon;
  /** What will be typed once access is on this machine. The injection target gives the exact command then. */
  commandFor(resourceName: string): string;
  /** What happens when it is granted: "a login is made for you"; left out: that. */
  readonly given?: string;
  /** What an administrator runs on the target to take one login away by hand; left out: only words are known. */
  endByHand?(principal: string): string;
  /** The same in words: where no command does it, or what the command needs. */
  byHand?(principal: string): string;
  /** What the end does to what is open, said in the last minute; left out: sessions are cut. */
  readonly atEnd?: string;
}
export const KIND_WORDS: Readonly<Record<Kind, KindWords>> = {
  postgres: {
    label: 'PostgreSQL',
    Icon: Database,
    commandFor: (name) => `psql service=${name}`,
    endByHand: (principal) =>
      `ALTER ROLE "${principal}" NOLOGIN PASSWORD NULL;\nSELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${principal}';\nDROP OWNED BY "${principal}"; DROP ROLE "${principal}";`,
  },
  mysql: {
    label: 'MySQL or MariaDB',
    Icon: Database,
    commandFor: (name) => `mysql --defaults-group-suffix=_${name}`,
    endByHand: (principal) =>
      `ALTER USER '${principal}'@'%' ACCOUNT LOCK;\nSELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE user = '${principal}';\nDROP USER '${principal}'@'%';`,
  },
  redis: {
    label: 'Redis',
    Icon: Layers,
    commandFor: () => 'redis-cli',
    endByHand: (principal) => `ACL DELUSER ${principal}`,
  },
  secret: {
    label: 'Secret',
    given: 'the secret is handed to you',
    Icon: KeySquare,
    commandFor: (name) => `hallpass run ${name} -- …`,
    byHand: () =>
      'Change the secret where it is used: what its holder knows opens nothing then. Give the new one to the resource.',
    atEnd: 'Changed at the end where the resource says how; else whoever kept it can use it.',
  },
  webhook: {
    label: 'Webhook',
    Icon: Webhook,
    commandFor: (name) => `hallpass run ${name} -- …`,
    byHand: (principal) =>
      `Take away what is named ${principal} where the receiver made it, and end what is open under that name. Its own log says where that is.`,
    atEnd: 'The receiver ends it, and decides what becomes of what is open.',
  },
  ssh: {
    label: 'SSH',
    given: 'a certificate is made for you',
    Icon: SquareTerminal,
    commandFor: (name) => `ssh ${name}`,
    endByHand: (principal) => `hallpass-ssh-hook end ${principal}`,
    byHand: () =>
      'As root on the host. Without the hook there: end its sessions yourself; the certificate opens nothing once it has run out.',
    atEnd: 'Open sessions are cut when it ends where the host has the hook; else they go on.',
  },
  aws: {
    label: 'AWS',
    Icon: Cloud,
    commandFor: (name) => `aws --profile ${name} …`,
    endByHand: (principal) =>
      `aws iam put-role-policy --role-name <the level’s role> --policy-name hallpass-${principal} --policy-document '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:userid":"*:${principal}"}}}}'`,
    atEnd: 'Calls are refused when it ends; one that is running goes on.',
  },
  kubernetes: {
    label: 'Kubernetes',
    Icon: Ship,
    commandFor: () => 'kubectl --kubeconfig …',
    endByHand: (principal) =>
      `kubectl delete serviceaccounts,rolebindings --all-namespaces --field-selector metadata.name=${kubernetesName(principal)}\nkubectl delete clusterrolebindings ${kubernetesName(principal)} --ignore-not-found`,
    atEnd: 'Requests are refused when it ends; an open exec, port-forward or watch goes on.',
  },
};
/** In the order they are offered. */
export const KINDS = Object.keys(KIND_WORDS) as unknown as readonly [Kind, ...Kind[]];

/** `kind` comes from the service, which may know more kinds than this app. */
export const wordsOfKind = (kind: string): KindWords | null =>
  Object.hasOwn(KIND_WORDS, kind) ? KIND_WORDS[kind as Kind] : null;
