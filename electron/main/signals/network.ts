/**
 * Which networks this machine is on, and whether it has moved. A machine that loses its network has not moved; one that gets an
 * address in a network it was not on when access began has. Pure: the addresses are an argument.
 */
import type { NetworkInterfaceInfo } from 'node:os';

/** Bridges of containers and virtual machines come and go without the machine going anywhere. */
const NOT_OURS = /^(docker|br-|veth|virbr|vmnet|vboxnet|lxc|lxd|cni|flannel|podman|cali)/;

/** "192.168.1.0/24", "2001:db8:1:2::/64": one for each network with an address of this machine; loopback and link-local left out. */
export function networksOf(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): Set<string> {
  const networks = new Set<string>();
  for (const [name, addresses] of Object.entries(interfaces)) {
    if (NOT_OURS.test(name)) continue;
    for (const { address, cidr, internal } of addresses ?? []) {
      const prefix = Number(cidr?.split('/')[1]);
      if (internal || !Number.isInteger(prefix)) continue;
      const bits = address.includes(':') ? bitsOfV6(address) : bitsOfV4(address);
      if (bits === null || /^(1111111010|1010100111111110)/.test(bits)) continue; // fe80::/10, 169.254/16
      networks.add(`${bits.length === 32 ? 'v4' : 'v6'}:${bits.slice(0, prefix)}/${prefix}`);
    }
  }
  return networks;
}
const bitsOf = (value: number, width: number): string => value.toString(2).padStart(width, '0');
function bitsOfV4(address: string): string | null {
  const parts = address.split('.').map(Number);
  return parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255)
    ? parts.map((part) => bitsOf(part, 8)).join('')
    : null;
}
function bitsOfV6(address: string): string | null {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const groups = (text: string | undefined) => (text === undefined || text === '' ? [] : text.split(':'));
  const [left, right] = [groups(head), groups(tail)];
  const missing = 8 - left.length - right.length;
  if (missing < 0 || (tail === undefined && missing > 0)) return null;
  const all = [...left, ...Array<string>(missing).fill('0'), ...right].map((group) => Number.parseInt(group, 16));
  return all.every((group) => Number.isInteger(group) && group >= 0 && group <= 0xffff)
    ? all.map((group) => bitsOf(group, 16)).join('')
    : null;
}

/** True when the machine is on a network now that it was not on before. */
export const hasMoved = (before: ReadonlySet<string>, now: ReadonlySet<string>): boolean =>
  [...now].some((network) => !before.has(network));
