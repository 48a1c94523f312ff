/**
 * A log-in to MariaDB that stops half-way and goes on when told: the account has been looked up by then, the password not yet
 * checked. Written against the wire protocol, because no driver stops there.
 */
import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { MysqlCredential } from '../../../shared/contract/mysql';

const CAPABILITIES = 0x00000001 | 0x00000200 | 0x00008000 | 0x00080000; // long password, 4.1, 20-byte answers, plugins
const sha1 = (...parts: Buffer[]): Buffer => createHash('sha1').update(Buffer.concat(parts)).digest();

export interface SlowLogin {
  /** Sends the password's answer. `in`: the server let it in; else the server's number of its error, or `cut`. */
  finish(): Promise<'in' | 'cut' | number>;
  /** Asks for something over the log-in that `finish` completed. */
  works(): Promise<boolean>;
  close(): void;
}

/** Resolves when the server waits for the password. */
export async function beginLogin({ host, port, user, password }: MysqlCredential): Promise<SlowLogin> {
  const socket = connect({ host, port });
  const packets = readPackets(socket);
  const hello = await packets.next();
  if (!hello) throw new Error('the server ended the connection');
  const fixed = Buffer.alloc(32);
  fixed.writeUInt32LE(CAPABILITIES, 0);
  fixed.writeUInt32LE(1 << 24, 4);
  fixed.writeUInt8(45, 8); // utf8mb4
  // A plugin that the account does not have: so the server asks again, with the one it has, and waits.
  const answer = Buffer.concat([
    fixed,
    Buffer.from(`${user}\0`),
    Buffer.from([0]),
    Buffer.from('mysql_clear_password\0'),
  ]);
  send(socket, answer, hello.sequence + 1);
  const asked = await packets.next();
  if (asked?.payload[0] !== 0xfe) throw new Error('the server did not ask for another plugin');
  const scramble = asked.payload.subarray(asked.payload.indexOf(0, 1) + 1).subarray(0, 20);
  return {
    async finish() {
      const once = sha1(Buffer.from(password));
      const mask = sha1(scramble, sha1(once));
      send(socket, Buffer.from(once.map((byte, index) => byte ^ (mask[index] ?? 0))), asked.sequence + 1);
      const reply = await packets.next();
      if (!reply) return 'cut';
      return reply.payload[0] === 0xff ? reply.payload.readUInt16LE(1) : 'in';
    },
    async works() {
      send(socket, Buffer.concat([Buffer.from([3]), Buffer.from('DO 1')]), 0);
      return (await packets.next())?.payload[0] === 0;
    },
    close: () => socket.destroy(),
  };
}

function send(socket: Socket, payload: Buffer, sequence: number): void {
  const header = Buffer.alloc(4);
  header.writeUIntLE(payload.length, 0, 3);
  header.writeUInt8(sequence & 0xff, 3);
  if (!socket.destroyed) socket.write(Buffer.concat([header, payload]));
}

interface Packet {
  readonly payload: Buffer;
  readonly sequence: number;
}
/** Packets in order; undefined once the connection is over. */
function readPackets(socket: Socket) {
  let bytes = Buffer.alloc(0);
  let over = false;
  let wake: () => void = () => undefined;
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    wake();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    over = true;
    wake();
  });
  return {
    async next(): Promise<Packet | undefined> {
      for (;;) {
        const length = bytes.length >= 4 ? bytes.readUIntLE(0, 3) : Number.POSITIVE_INFINITY;
        if (bytes.length >= 4 + length) {
          const packet = { payload: Buffer.from(bytes.subarray(4, 4 + length)), sequence: bytes[3] ?? 0 };
          bytes = bytes.subarray(4 + length);
          return packet;
        }
        if (over) return undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
