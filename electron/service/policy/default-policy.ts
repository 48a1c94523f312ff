/** The policy of a new service. It works for one person alone and for a team, and opens production to nobody without a second person. */
export const DEFAULT_POLICY = `# Who may ask for what, and what has to happen first.
#
# How it is read:
#   - a rule with "effect: deny" always wins;
#   - else the matching rules with the highest "priority" decide together, and the stricter word counts
#     (shortest max_duration, all approvals, any "required", "card" before "notification");
#   - what no rule covers can not be requested.
# "owners" stands for the owner groups of the resource (administrators, where it has none).
# In names: * any characters, ? one, # one or more digits.
version: 1
rules:
  # Your own systems outside production: no waiting, but time-boxed and on the log.
  - name: own-systems
    match:
      resource: { environment: [development, staging] }
      requester: { groups: owners }
    effect: auto
    max_duration: 8h

  # Everybody else asks the owners; a notification is enough to answer.
  - name: shared-systems
    match:
      resource: { environment: [development, staging] }
    effect: approve
    approvals: [{ from: owners, count: 1 }]
    max_duration: 4h
    confirm: notification
    priority: -10

  # Production: an owner who is not the requester, on the card, with a reason.
  - name: production
    match:
      resource: { environment: production }
    effect: approve
    approvals: [{ from: owners, count: 1 }]
    max_duration: 1h
    reason: required
    confirm: card

  # Alone for now? This opens read-only access to your own production systems, half an hour at a time.
  # Take it out again when a second person has joined.
  # - name: production-alone
  #   match:
  #     resource: { environment: production, level: read-only }
  #     requester: { groups: owners }
  #   effect: auto
  #   max_duration: 30m
  #   reason: required
  #   priority: 10
`;
