/**
 * What each sealed column is bound to (the `context` of SecretBox): a ciphertext moved to another row or column does
 * not open. One more sealed column: one line here.
 */
export const secretContext = {
  resourceSecret: (resourceId: string) => `resources.secret_enc:${resourceId}`,
  logSigner: 'meta.store.log_signer_enc',
  leaseVault: 'live-leases.sealed',
  ticketHook: 'meta.hook.ticket_closed_enc',
  serviceKey: 'meta.service.key_enc',
  serviceCertificate: 'meta.service.certificate_enc',
} as const;
