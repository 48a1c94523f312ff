/** The sample's policy: automatic outside production, one owner for production, a ticket for writing there. */
export const SAMPLE_POLICY = `# The sample workspace's policy. Try a change: nothing here is real.
version: 1
rules:
  # Nobody waits for a playground.
  - name: development
    match:
      resource: { environment: development }
    effect: auto
    max_duration: 8h

  - name: staging
    match:
      resource: { environment: staging }
      requester: { groups: [engineering, dba] }
    effect: auto
    max_duration: 4h

  # Reading the reports is low risk: time-boxed and on the log, but no waiting.
  - name: reports-read
    match:
      resource: { name: reports, level: read-only }
      requester: { groups: [engineering, analytics] }
    effect: auto
    max_duration: 2h
    reason: required
    priority: 10

  # Reading production: one owner of the resource; the notification's buttons are enough.
  - name: production-read
    match:
      resource: { environment: production, level: read-only }
    effect: approve
    approvals: [{ from: owners, count: 1 }]
    max_duration: 1h
    reason: required
    confirm: notification

  # Writing there: an owner, on the card, with an incident.
  - name: production-write
    match:
      resource: { environment: production, level: read-write }
    effect: approve
    approvals: [{ from: owners, count: 1 }]
    max_duration: 30m
    reason: required
    ticket: INC-#
    confirm: card

  - name: contractors-and-personal-data
    match:
      resource: { tags: [personal-data] }
      requester: { groups: contractors }
    effect: deny
    message: Contractors work on the staging copy, which holds no personal data.
`;
