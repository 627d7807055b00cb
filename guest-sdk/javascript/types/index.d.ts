/**
 * Write a role of a cloud service as a WebAssembly component, in JavaScript or TypeScript.
 *
 * A role is a module that exports some of the functions of {@link Role}, and `handle` of {@link WebRole} if it answers HTTP requests.
 */

/** What the fabric calls of a role's module: exported functions with these names. All are optional. */
export interface Role {
  /** Called once, before the instance takes traffic: the place to bind listeners. An error keeps the instance from starting. */
  onStart?(): void | Promise<void>;
  /**
   * The role's work, which is to go on for ever: when it returns, with or without an error, the instance is recycled. The instance takes traffic
   * from the moment that this is called. A role without it goes on for ever.
   */
  run?(): void | Promise<void>;
  /**
   * Called when the instance has left the rotation and is about to end. `run` and requests still go on meanwhile. The fabric waits for
   * the stop budget (30 seconds unless configured), then cuts the instance off.
   */
  onStop?(): void | Promise<void>;
  /** A change is about to be made; settings still have their old values. An error in it stands for `accept`. */
  changing?(changes: Change[]): Verdict | void | Promise<Verdict | void>;
  /** A change has been made; settings have their new values. */
  changed?(changes: Change[]): void | Promise<void>;
  /** Asked at regular intervals. `busy`, or an error, takes the instance out of the rotation until it is asked again. */
  statusCheck?(): Status | Promise<Status>;
  /** The instance has left the rotation; `onStop` follows. */
  stopping?(): void | Promise<void>;
  /** As `changing`, for a change of topology that all instances are told of at once. It cannot be refused. */
  simultaneousChanging?(changes: Change[]): void | Promise<void>;
  /** As `changed`, after `simultaneousChanging`. */
  simultaneousChanged?(changes: Change[]): void | Promise<void>;
}

/** A role that answers the requests of its http endpoints, many at a time. */
export interface WebRole extends Role {
  /** Answers one request. An error is logged and answered with 500, a {@link BodyTooLong} with 413. */
  handle(request: Request): ResponseLike | Promise<ResponseLike>;
}

/** Something that changes while the service runs: a setting, or the instances of a role. */
export interface Change {
  kind: 'configuration-setting' | 'topology';
  /** The name of the setting, or of the role. */
  name: string;
}

/** The answer to a change: make it while the instance runs, or stop the instance, make it, and start it again. */
export type Verdict = 'accept' | 'recycle';

/** Whether an instance can take traffic. */
export type Status = 'ready' | 'busy';

/** What a role can ask about itself and its deployment. Every function is cheap and answers at once. */
export const environment: {
  /** Whether there is anybody to answer: true in a component, and in a test with a double. Elsewhere the other functions throw. */
  isAvailable(): boolean;
  /** The id of the deployment: 32 hexadecimal digits, another for each deployment. */
  deploymentId(): string;
  /** Whether the service runs in a test bed on a developer's machine. */
  isEmulated(): boolean;
  /** The instance that asks. */
  currentInstance(): RoleInstance;
  /**
   * All roles of the deployment in the order of the service definition, each with the instances that the asker may see: all of them if the role has
   * an internal endpoint, otherwise none but the asker itself.
   */
  roles(): RoleInfo[];
  /** The role of this name, if the service definition has one. */
  role(name: string): RoleInfo | undefined;
  /** The value of a setting, as the service configuration has it now; throws {@link UnknownName}. */
  setting(name: string): string;
  /** A local storage directory of this instance; throws {@link UnknownName}. */
  localResource(name: string): LocalResource;
  /** Asks to be stopped and started again. Returns at once; `stopping` and `onStop` are called as for every stop. */
  requestRecycle(): void;
  /** The environment variables of the instance, those of the service definition among them. */
  variables(): Record<string, string>;
};

/** A role, as the asking instance may see it. */
export interface RoleInfo {
  /** The name in the service definition. */
  name: string;
  /** The instances that the asker may see, by index. */
  instances: RoleInstance[];
}

/** One running copy of a role. */
export class RoleInstance {
  private constructor();
  /** `<role>_IN_<n>`, n counted from 0; unique within the deployment. */
  readonly id: string;
  /** The name of its role. */
  readonly role: string;
  /** The fault domain, counted from 0. */
  readonly faultDomain: number;
  /** The upgrade domain, counted from 0. */
  readonly updateDomain: number;
  /** Its endpoints, in the order of the service definition. */
  readonly endpoints: Endpoint[];
  /** The endpoint of this name; throws {@link UnknownName}. */
  endpoint(name: string): Endpoint;
  /** The endpoints for traffic between the instances of the deployment. */
  internalEndpoints(): Endpoint[];
}

/** Who can reach an endpoint: the public by way of the load balancer, the public for each instance, or the instances of the deployment. */
export type EndpointKind = 'input' | 'instance-input' | 'internal';

/** The protocol that the service definition names for an endpoint. */
export type Protocol = 'http' | 'https' | 'tcp' | 'udp' | 'any';

/** One endpoint of one role instance. */
export class Endpoint {
  private constructor();
  /** The name in the service definition, unique within the role. */
  readonly name: string;
  readonly kind: EndpointKind;
  readonly protocol: Protocol;
  /** The instance's own address, such as `10.0.0.4`. */
  readonly address: string;
  /** The port to listen on; the first one if the endpoint is a range; 0 for an endpoint of protocol `any` without a port. */
  readonly port: number;
  /** The last port, if the endpoint is a range of ports. */
  readonly lastPort: number | undefined;
  /** The port seen from outside; none for an internal endpoint. */
  readonly publicPort: number | undefined;
  /** Where the instance listens, and where others connect to: `10.0.0.4:20000`. */
  get socketAddress(): string;
}

/** A directory of the instance's own. */
export interface LocalResource {
  /** The name in the service definition. */
  name: string;
  /** The directory, for use with {@link files}. */
  path: string;
  /** Its size, in units of 1,048,576 bytes. */
  sizeInMegabytes: number;
}

/** The service definition has nothing of this name for this role. */
export class UnknownName extends Error {
  private constructor();
}

/** Waits while everything else goes on. */
export function sleep(milliseconds: number): Promise<void>;

/**
 * Waits for a promise, but no longer than this: then it rejects with {@link Elapsed}. Nothing ends what the promise stands for; close the
 * stream that it reads from, for example.
 */
export function timeout<T>(milliseconds: number, promise: T | PromiseLike<T>): Promise<T>;

/** The time of a {@link timeout} was over. */
export class Elapsed extends Error {
  private constructor();
}

/** Begins work that nobody waits for, such as serving one connection. What it throws goes to the log of the instance. */
export function spawn<T>(work: () => T | PromiseLike<T>): Promise<T>;

/** Something that can be connected to, or listened on: `10.0.0.4:20000`, `Worker:20000`, an endpoint, or a host and a port. */
export type Target = string | Endpoint | { host: string; port: number } | { address: string; port: number };

/** TCP and UDP. What an instance may bind and reach is what the service definition says. */
export * as net from './net.js';
export { NetError } from './net.js';


/** Files: the local storage of the instance, its `/tmp`, and the folder of its role (read-only). */
export * as files from './files.js';
export { FileError } from './files.js';


/** Header fields: names in any case, values as text. */
export class Headers implements Iterable<[string, string]> {
  constructor(init?: HeadersInit | null);
  append(name: string, value: string): void;
  delete(name: string): void;
  get(name: string): string | null;
  getSetCookie(): string[];
  has(name: string): boolean;
  set(name: string, value: string): void;
  forEach(action: (value: string, name: string, headers: Headers) => void): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

export type HeadersInit = Iterable<readonly [string, string]> | Record<string, string>;

/** What a body can be made of. */
export type BodyInit = string | Uint8Array | ArrayBuffer | AsyncIterable<string | Uint8Array>;

/** What requests and responses have in common. A body can be read once. */
export interface Body {
  /** The body as it comes, in pieces; null if there is none. */
  readonly body: AsyncIterable<Uint8Array> | null;
  /** Whether somebody has read it. */
  readonly bodyUsed: boolean;
  /**
   * The whole body; a {@link BodyTooLong} is thrown if it has more bytes than `limit` (default: 1 MiB, as for the others here). A handler that
   * lets it through answers 413.
   */
  bytes(limit?: number): Promise<Uint8Array>;
  text(limit?: number): Promise<string>;
  json(limit?: number): Promise<any>;
  arrayBuffer(limit?: number): Promise<ArrayBuffer>;
}

/** A body has more bytes than its reader allows. */
export class BodyTooLong extends Error {
  private constructor();
  readonly limit: number;
}

export interface RequestInit {
  method?: string;
  headers?: HeadersInit | null;
  body?: BodyInit | null;
}

/** A request: one that a web role is asked, or one for {@link fetch}. */
export class Request {
  constructor(input: string | URLLike | Request, init?: RequestInit);
  readonly method: string;
  /** The whole address: `http://shop.example/orders?page=2`. */
  readonly url: string;
  readonly headers: Headers;
}
export interface Request extends Body {}

/** Anything that is written as an address. */
export interface URLLike {
  readonly href: string;
}

export interface ResponseInit {
  status?: number;
  statusText?: string;
  headers?: HeadersInit | null;
}

/** A response: what a web role answers, or what {@link fetch} got. It is the global `Response` of a component too. */
export class Response {
  constructor(body?: BodyInit | null, init?: ResponseInit);
  static json(value: unknown, init?: ResponseInit): Response;
  static redirect(url: string | URLLike, status?: 301 | 302 | 303 | 307 | 308): Response;
  readonly status: number;
  readonly statusText: string;
  readonly ok: boolean;
  readonly headers: Headers;
}
export interface Response extends Body {}

/** What a web role may answer: the {@link Response} of this package, or the one of the web. */
export interface ResponseLike {
  readonly status: number;
  readonly headers: { forEach(action: (value: string, name: string) => void): void };
  text(): Promise<string>;
}

/**
 * Sends a request and waits for the head of the response. `http://Worker:8080/` reaches another role where its rules admit it, the world
 * outside only where the operator lets the service out. Redirections are not followed. Over `https:` a request has no body, and the instance does nothing
 * else until the head of the response is there (at most 5 s to connect, 10 s to answer).
 */
export function fetch(input: string | URLLike | Request, init?: RequestInit): Promise<Response>;
