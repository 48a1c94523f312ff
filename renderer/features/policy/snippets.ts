/** Rules to begin from. Each is complete and strict; the name is selected after inserting, to be changed. */
export interface Snippet {
  readonly key: string;
  readonly label: string;
  readonly about: string;
  readonly rule: string;
}
export const SNIPPETS: readonly Snippet[] = [
  {
    key: 'own-systems',
    label: 'Automatic outside production',
    about: 'owners, 8 h',
    rule: `- name: own-systems
  match:
    resource: { environment: [development, staging] }
    requester: { groups: owners }
  effect: auto
  max_duration: 8h`,
  },
  {
    key: 'production-read',
    label: 'Read production',
    about: '1 owner, 1 h',
    rule: `- name: production-read
  match:
    resource: { environment: production, level: read-only }
  effect: approve
  approvals: [{ from: owners, count: 1 }]
  max_duration: 1h
  reason: required
  confirm: notification`,
  },
  {
    key: 'production-write',
    label: 'Write production',
    about: '1 owner, ticket, 30 m',
    rule: `- name: production-write
  match:
    resource: { environment: production, level: read-write }
  effect: approve
  approvals: [{ from: owners, count: 1 }]
  max_duration: 30m
  reason: required
  ticket: INC-#
  confirm: card`,
  },
  {
    key: 'critical-two',
    label: 'Critical systems',
    about: '2 owners, 30 m',
    rule: `- name: critical-two
  match:
    resource: { risk: critical }
  effect: approve
  approvals: [{ from: owners, count: 2 }]
  max_duration: 30m
  reason: required
  confirm: card
  priority: 10`,
  },
  {
    key: 'no-personal-data',
    label: 'Deny by tag and group',
    about: 'always wins',
    rule: `- name: no-personal-data
  match:
    resource: { tags: [personal-data] }
    requester: { groups: contractors }
  effect: deny
  message: Contractors work on the staging copy.`,
  },
];
