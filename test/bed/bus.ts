/**
 * A private D-Bus and what the bed needs to talk on it.
 * Services are answered on the message level (`serve`) and not with the library's Interface class: in the version we use
 * that class exports nothing when it is subclassed, and a table of methods is shorter anyway.
 */
import { fileURLToPath } from 'node:url';
import { Message, type MessageBus, MessageType, sessionBus, Variant } from '@jellybrick/dbus-next';
import { type Program, startProgram } from './processes';

export type Bus = MessageBus;
export { Variant };

const PROPERTIES = 'org.freedesktop.DBus.Properties';

/** A running bus daemon of our own. */
export interface BusDaemon {
  readonly address: string;
  readonly program: Program;
}

/** Starts a bus that activates nothing. */
export async function startBusDaemon(): Promise<BusDaemon> {
  const config = fileURLToPath(new URL('bus.conf', import.meta.url));
  const program = startProgram('dbus-daemon', [`--config-file=${config}`, '--print-address=1', '--nofork']);
  return { address: await program.firstLine('stdout'), program };
}

/** Connects; the bus going away at the end of a bed is not an error. */
export async function connect(address: string): Promise<Bus> {
  const bus = sessionBus({ busAddress: address });
  bus.on('error' as 'connect', () => undefined);
  if (!bus.name) await new Promise<void>((resolve) => bus.once('connect', () => resolve()));
  return bus;
}

export interface Call {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: unknown[];
}

/** Calls a method and gives its answer with all variants unwrapped. */
export async function call(bus: Bus, what: Call): Promise<unknown[]> {
  const reply = await bus.call(new Message({ signature: '', body: [], ...what }));
  return (reply?.body ?? []).map(plain);
}

/** Reads one property. */
export async function getProperty(
  bus: Bus,
  of: Pick<Call, 'destination' | 'path' | 'interface'>,
  name: string,
): Promise<unknown> {
  const [value] = await call(bus, {
    destination: of.destination,
    path: of.path,
    interface: PROPERTIES,
    member: 'Get',
    signature: 'ss',
    body: [of.interface, name],
  });
  return value;
}

/** Asks the bus itself. */
export function askBus(bus: Bus, member: string, signature = '', body: unknown[] = []): Promise<unknown[]> {
  const path = '/org/freedesktop/DBus';
  return call(bus, {
    destination: 'org.freedesktop.DBus',
    path,
    interface: 'org.freedesktop.DBus',
    member,
    signature,
    body,
  });
}

/** Which process is behind a connection. */
export async function processIdOf(bus: Bus, name: string): Promise<number> {
  const [pid] = await askBus(bus, 'GetConnectionUnixProcessID', 's', [name]);
  return Number(pid);
}

/** Takes variants, which hide values in `{ signature, value }`, out of an answer. */
export function plain(value: unknown): unknown {
  if (value instanceof Variant) return plain(value.value);
  if (Buffer.isBuffer(value)) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  }
  return value;
}

/** One method of a served object. */
export interface ServedMethod {
  /** Signature of the answer. */
  readonly out: string;
  /** @throws {Error} which the caller gets as a D-Bus error */
  readonly run: (body: unknown[], sender: string) => unknown[];
}

export interface ServedObject {
  readonly path: string;
  readonly interface: string;
  readonly methods: Readonly<Record<string, ServedMethod>>;
  readonly properties?: Readonly<Record<string, () => Variant>>;
}

/** What `serve` gives back. */
export interface Served {
  /** Sends a signal to everybody on the bus. */
  emit(member: string, signature: string, body: unknown[]): void;
  /** Says that a property has a new value: the one it reads now. */
  changed(property: string): void;
  /** Gives the name back; the object no longer answers. */
  stop(): Promise<void>;
}

/** Owns `name` and answers the object's methods and properties. */
export async function serve(bus: Bus, name: string, object: ServedObject): Promise<Served> {
  const handler = (message: Message): boolean => {
    if (message.path !== object.path) return false;
    const method = methodFor(object, message);
    if (!method) return false;
    try {
      const body = method.run(message.body, message.sender);
      bus.send(Message.newMethodReturn(message, method.out, body));
    } catch (error) {
      bus.send(Message.newError(message, 'org.freedesktop.DBus.Error.Failed', String(error)));
    }
    return true;
  };
  bus.addMethodHandler(handler);
  await bus.requestName(name, 0);
  return {
    emit: (member, signature, body) =>
      bus.send(Message.newSignal(object.path, object.interface, member, signature, body)),
    changed(property) {
      const value = object.properties?.[property]?.();
      const body = [object.interface, { [property]: value }, []];
      bus.send(Message.newSignal(object.path, PROPERTIES, 'PropertiesChanged', 'sa{sv}as', body));
    },
    async stop() {
      bus.removeMethodHandler(handler);
      await bus.releaseName(name);
    },
  };
}

function methodFor(object: ServedObject, message: Message): ServedMethod | undefined {
  if (message.type !== MessageType.METHOD_CALL) return undefined;
  if (message.interface === object.interface) return object.methods[message.member];
  if (message.interface !== PROPERTIES) return undefined;
  const properties = object.properties ?? {};
  if (message.member === 'GetAll') {
    return {
      out: 'a{sv}',
      run: () => [Object.fromEntries(Object.entries(properties).map(([key, read]) => [key, read()]))],
    };
  }
  if (message.member === 'Get') {
    return {
      out: 'v',
      run: ([, key]) => {
        const read = properties[String(key)];
        if (!read) throw new Error(`no property ${String(key)}`);
        return [read()];
      },
    };
  }
  return undefined;
}

/** Listens to the signals of an interface, from whoever sends them. Gives back how to stop. */
export async function onSignal(
  bus: Bus,
  interfaceName: string,
  listener: (member: string, body: unknown[], sender: string) => void,
): Promise<() => void> {
  await askBus(bus, 'AddMatch', 's', [`type='signal',interface='${interfaceName}'`]);
  const onMessage = (message: Message) => {
    if (message.type !== MessageType.SIGNAL || message.interface !== interfaceName) return;
    listener(message.member, message.body.map(plain), message.sender);
  };
  bus.on('message', onMessage);
  return () => bus.off('message', onMessage);
}
