/**
 * Ed25519 and X25519 by Node's own crypto, with the shape of `@noble/curves/ed25519.js`: the same bytes, fifty times
 * faster. Only the simulator is built with it; sim.test.ts checks that both give the same.
 */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  sign as nodeSign,
  verify as nodeVerify,
} from 'node:crypto';

type Curve = 'Ed25519' | 'X25519';
const OID: Record<Curve, string> = { Ed25519: '70', X25519: '6e' };
const MAX_KEYS = 500;
const known = new Map<string, KeyObject>();

function remembered(id: string, make: () => KeyObject): KeyObject {
  const before = known.get(id);
  if (before !== undefined) return before;
  if (known.size >= MAX_KEYS) known.clear();
  const made = make();
  known.set(id, made);
  return made;
}
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const privateKey = (curve: Curve, secret: Uint8Array): KeyObject =>
  remembered(`${curve}-${hex(secret)}`, () => {
    const der = Buffer.from(`302e020100300506032b65${OID[curve]}04220420${hex(secret)}`, 'hex');
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  });
const publicKey = (curve: Curve, bytes: Uint8Array): KeyObject =>
  remembered(`${curve}+${hex(bytes)}`, () => {
    const der = Buffer.from(`302a300506032b65${OID[curve]}032100${hex(bytes)}`, 'hex');
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  });
const publicBytes = (curve: Curve, secret: Uint8Array): Uint8Array =>
  new Uint8Array(createPublicKey(privateKey(curve, secret)).export({ format: 'der', type: 'spki' }).subarray(-32));

export const ed25519 = {
  getPublicKey: (secret: Uint8Array) => publicBytes('Ed25519', secret),
  sign: (message: Uint8Array, secret: Uint8Array) =>
    new Uint8Array(nodeSign(null, message, privateKey('Ed25519', secret))),
  verify: (signature: Uint8Array, message: Uint8Array, key: Uint8Array) =>
    nodeVerify(null, message, publicKey('Ed25519', key), signature),
};
export const x25519 = {
  getPublicKey: (secret: Uint8Array) => publicBytes('X25519', secret),
  getSharedSecret: (secret: Uint8Array, key: Uint8Array) =>
    new Uint8Array(diffieHellman({ privateKey: privateKey('X25519', secret), publicKey: publicKey('X25519', key) })),
};
