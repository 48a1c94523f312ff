/**
 * The seal: a guilloche rosette drawn from a device key, so that people learn to know whose it is by sight.
 * The same key always draws the same seal; one changed digit changes lobes, weave or twist.
 * Not here: proof of anything. A seal helps eyes; the fingerprint is what is compared.
 */
export const SEAL_VIEW = 120;
const RADIUS = 50;
const STEPS = 220;

/** Spreads every digit of the key over 32 bits (FNV-1a, then a finaliser), salted per use. */
function mix(key: string, salt: number): number {
  let h = (0x811c9dc5 ^ salt) >>> 0;
  for (let i = 0; i < key.length; i++) h = Math.imul(h ^ key.charCodeAt(i), 0x01000193) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d) >>> 0;
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b) >>> 0;
  return (h ^ (h >>> 16)) >>> 0;
}

export interface SealShape {
  /** Waves around the rim. */
  readonly lobes: number;
  /** Curves laid over each other. */
  readonly strands: number;
  /** Depth of the waves, as part of the radius. */
  readonly depth: number;
  /** A second, finer wave and its depth. */
  readonly ripple: number;
  readonly rippleDepth: number;
  /** Turn of the whole figure, in radians. */
  readonly twist: number;
}

/** What a key says about its seal. `key` is hex or any text; case and spaces do not matter. */
export function sealShape(key: string): SealShape {
  const clean = key.toLowerCase().replace(/[^0-9a-z_-]/g, '');
  const pick = (salt: number, count: number): number => mix(clean, salt) % count;
  const lobes = 4 + pick(1, 6);
  return {
    lobes,
    strands: 8 + pick(2, 7),
    depth: 0.2 + pick(3, 10) * 0.01,
    ripple: lobes * 2 + pick(4, 5),
    rippleDepth: pick(5, 5) * 0.012,
    twist: (pick(6, 24) / 24) * 2 * Math.PI,
  };
}

const round = (n: number): number => Math.round(n * 10) / 10;

/** SVG path data (view box `0 0 120 120`) of the rosette of a key. */
export function sealPath(key: string): string {
  const { lobes, strands, depth, ripple, rippleDepth, twist } = sealShape(key);
  let path = '';
  for (let strand = 0; strand < strands; strand++) {
    const phase = (strand / strands) * 2 * Math.PI;
    for (let step = 0; step < STEPS; step++) {
      const angle = (step / STEPS) * 2 * Math.PI;
      const wave = depth * Math.sin(lobes * angle + phase) + rippleDepth * Math.sin(ripple * angle - phase);
      const r = RADIUS * (0.68 + wave);
      path += `${step === 0 ? 'M' : 'L'}${round(60 + r * Math.cos(angle + twist))} ${round(60 + r * Math.sin(angle + twist))}`;
    }
    path += 'Z';
  }
  return path;
}
/** The key in the middle of each seal, and the disc it lies on. */
export const SEAL_CORE_RADIUS = 17;
export const SEAL_KEY_TRANSFORM = 'translate(48 48) scale(1.5)';
export const SEAL_KEY_PATH = 'M7.8 11a2.8 2.8 0 1 1-5.6 0a2.8 2.8 0 1 1 5.6 0zM7 9l6-6M10.6 5.4l1.8 1.8';
