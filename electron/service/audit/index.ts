export { type AuditDeps, createAuditCases } from './cases';
export { createAuditStreams } from './streams';
