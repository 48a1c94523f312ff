/** The policy the demo publishes: staging from the notification, production on the card. One minute, so that the end can be watched. */
export const DEMO_POLICY = `version: 1
rules:
  - name: staging-reads
    match:
      resource: { environment: staging, level: read-only }
    effect: approve
    max_duration: 1m
    approvals: [{ from: dba, count: 1 }]
    confirm: notification
  - name: production-writes
    match:
      resource: { environment: production }
      requester: { groups: engineering }
    effect: approve
    max_duration: 2h
    approvals: [{ from: dba, count: 1 }]
    reason: required
    ticket: INC-#
`;
