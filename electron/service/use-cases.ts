/**
 * What http/ may ask of the domain: one function per route that does something. Implemented in access/, people/, policy/ and audit/;
 * put together in service.ts. Inputs are already zod-checked by the route; these check rights and state.
 */

import type { z } from 'zod';
import type { API, ApiBody, ApiName, ApiReply } from '../../shared/contract/api';
import type { Caller } from './access/caller';

type Parsed<N extends ApiName, K extends 'params' | 'query' | 'body'> = (typeof API)[N] extends { [P in K]: infer S }
  ? S extends z.ZodType
    ? z.output<S>
    : undefined
  : undefined;
export interface CallInput<N extends ApiName> {
  readonly params: Parsed<N, 'params'>;
  readonly query: Parsed<N, 'query'>;
  readonly body: Parsed<N, 'body'>;
}
/** Routes of `access: 'open'` are served by people/sign-in and access/ticket-hook (no caller yet). `audit.export` and `audit.evidence` yield lines. */
export type OpenRoute = 'session.challenge' | 'session.token' | 'join' | 'hooks.ticketClosed';
export type StreamRoute = 'audit.export' | 'audit.evidence';
export type UseCases = {
  readonly [N in Exclude<ApiName, OpenRoute | StreamRoute>]: (
    caller: Caller,
    input: CallInput<N>,
  ) => Promise<ApiReply<N>>;
};
export type StreamCases = {
  readonly [N in StreamRoute]: (caller: Caller, input: CallInput<N>) => AsyncIterable<string>;
};
export type { ApiBody };
/** Who is connected now on this instance; `http/events` writes it, access reads it. */
export interface Presence {
  isOnline(personId: string): boolean;
  isDeviceConnected(deviceId: string): boolean;
  onDeviceConnected(listener: (deviceId: string) => void): () => void;
}
