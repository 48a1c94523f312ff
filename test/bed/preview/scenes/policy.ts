/** The policy: read, edited, compared. */
import { forever, unreachable } from '../fake';
import * as fixtures from '../fixtures';
import * as rules from '../fixtures-policy';
import { inForce, type Scene } from '../scene';

const LOOSER = rules.fullPolicy.yaml.replace(
  'environment: [development, staging]',
  'environment: [development, staging, production]',
);
let staleAsked = 0;

export const scenes: Readonly<Record<string, Scene>> = {
  policy: { route: '/policy', api: inForce, act: ({ click }) => click('ol li:nth-child(3) button') },
  'policy-member': {
    route: '/policy',
    api: { 'me.get': () => ({ ...fixtures.me, person: { ...fixtures.nadia, roles: ['member'] } }) },
  },
  'policy-empty': {
    route: '/policy',
    api: { 'policy.get': () => ({ ...rules.fullPolicy, yaml: 'version: 1\nrules: []\n' }) },
  },
  'policy-loading': { route: '/policy', api: { 'policy.get': forever } },
  'policy-error': { route: '/policy', api: { 'policy.get': unreachable } },
  'policy-edit': {
    route: '/policy?view=edit',
    api: { ...inForce, 'policy.check': () => rules.loudCheck },
    act: ({ type }) => type('textarea', LOOSER),
  },
  'policy-edit-errors': {
    route: '/policy?view=edit',
    api: { ...inForce, 'policy.check': () => rules.brokenCheck },
    act: ({ type }) => type('textarea', LOOSER.replace('effect: auto', 'effect: automatic').replace('8h', '8 hors')),
  },
  'policy-edit-words': {
    route: '/policy?view=edit',
    api: inForce,
    act: ({ click }) => click('input[value=rules]'),
  },
  'policy-edit-unchecked': { route: '/policy?view=edit', api: { ...inForce, 'policy.check': unreachable } },
  'policy-confirm': {
    route: '/policy?view=edit',
    api: { ...inForce, 'policy.check': () => rules.loudCheck },
    act: async ({ type, click }) => {
      await type('textarea', LOOSER);
      await click('[data-publish]:not(:disabled)');
    },
  },
  'policy-stale': {
    route: '/policy?view=edit',
    api: { ...inForce, 'policy.get': () => (staleAsked++ === 0 ? rules.fullPolicy : rules.newerPolicy) },
    act: async ({ type, emit, click }) => {
      await type('textarea', LOOSER);
      emit('service.event', {
        seq: 1,
        type: 'policy.changed',
        at: fixtures.NOW,
        subject: '13',
        data: { version: 13, digest: 'd' },
      });
      await click('.hp-banner button');
    },
  },
  'policy-draft': {
    route: '/policy?view=edit',
    api: inForce,
    act: async ({ type, press, find }) => {
      await type('textarea', LOOSER);
      (await find('textarea')).blur();
      await press('g');
      await press('o');
    },
  },
  'policy-history': { route: '/policy?view=history', api: inForce },
  'policy-suggest': { route: `/policy?suggest=${fixtures.ledgerDb.name}`, api: inForce },
};
