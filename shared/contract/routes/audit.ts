/** The log, its proofs and exports. */
import { z } from 'zod';
import { AuditPage, AuditQuery, Checkpoint, ConsistencyProof, InclusionProof } from '../audit';
import { GrantId } from '../fields';
import { byId, route } from './route';

export const AUDIT_ROUTES = {
  'audit.checkpoint': route({
    method: 'GET',
    path: '/v1/audit/checkpoint',
    access: 'member',
    renderer: true,
    summary: 'The newest signed checkpoint',
    reply: Checkpoint,
  }),
  'audit.entries': route({
    method: 'GET',
    path: '/v1/audit/entries',
    access: 'member',
    renderer: true,
    summary: 'Entries, newest first: what concerns me; everything for auditors',
    query: AuditQuery,
    reply: AuditPage,
  }),
  'audit.inclusion': route({
    method: 'GET',
    path: '/v1/audit/proofs/inclusion',
    access: 'member',
    renderer: true,
    summary: 'Proof that an entry is in the log',
    query: z.object({ index: z.coerce.number().int().min(0), size: z.coerce.number().int().min(1).optional() }),
    reply: InclusionProof,
  }),
  'audit.consistency': route({
    method: 'GET',
    path: '/v1/audit/proofs/consistency',
    access: 'member',
    renderer: true,
    summary: 'Proof that the log only grew',
    query: z.object({ from: z.coerce.number().int().min(0), to: z.coerce.number().int().min(0).optional() }),
    reply: ConsistencyProof,
  }),
  'audit.export': route({
    method: 'GET',
    path: '/v1/audit/export',
    access: 'auditor',
    renderer: false,
    summary: 'JSON lines with proofs',
    query: z.object({ from: z.coerce.number().int().min(0).default(0), to: z.coerce.number().int().min(0).optional() }),
    reply: z.string(),
  }),
  'audit.evidence': route({
    method: 'GET',
    path: '/v1/audit/evidence/:id',
    access: 'member',
    renderer: false,
    summary: 'Everything about one grant, verifiable offline',
    params: byId(GrantId),
    reply: z.string(),
  }),
} as const;
