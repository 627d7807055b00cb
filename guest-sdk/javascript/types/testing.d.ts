/**
 * A role's own unit tests, with `node --test` and without a host.
 *
 * {@link TestEnvironment} says what the service definition and the configuration would say. Installed, it answers `environment`, with the
 * visibility rule that the fabric has too, and `net` connects in memory. Time stands still while the role has something to do, and jumps to
 * the next thing that somebody waits for: a day takes no time at all.
 */

import type { Change, EndpointKind, Protocol, Request, RequestInit, Response, Role, Status, Target, Verdict, WebRole, net } from './index.js';

/** What the service definition and the configuration would say. */
export interface Definition {
  /** The role under test; a bare name is a role with one instance and no endpoints. */
  role: string | DefinedRole;
  /** The number of the instance under test, counted from 0. */
  number?: number;
  /** The other roles. */
  roles?: (string | DefinedRole)[];
  settings?: Record<string, string>;
  /** Local storage; without a path it is a temporary folder that is removed at the end. */
  localResources?: Record<string, { path?: string; sizeInMegabytes?: number }>;
  /** Environment variables. */
  variables?: Record<string, string>;
  deploymentId?: string;
  /** Default: true. */
  emulated?: boolean;
}

export interface DefinedRole {
  name: string;
  /** Default: 1. */
  instances?: number;
  endpoints?: DefinedEndpoint[];
}

export interface DefinedEndpoint {
  name: string;
  /** Default: `internal`. */
  kind?: EndpointKind;
  /** Default: `tcp`. */
  protocol?: Protocol;
  port: number;
  lastPort?: number;
  /** The one seen from outside, of an instance input endpoint the first; default: the port. */
  publicPort?: number;
}

/** It answers nobody before `install`. */
export class TestEnvironment {
  constructor(definition: Definition);
  /** From now on it answers, until `uninstall`. The timers of node and `fetch` are the double's meanwhile. */
  install(): Installed;
}

/** A double that answers. The instances have the addresses 10.0.0.4, 10.0.0.5, … in the order of their roles, the one under test first. */
export interface Installed {
  /** How often the role has asked to be recycled. */
  readonly recycleRequests: number;
  /** What work that was begun with `spawn` has thrown. */
  readonly errors: unknown[];
  /** Calls `onStart`, and begins `run`. Rejects with what `onStart` throws. */
  start(role: Role): Promise<StartedRole>;
  start(role: WebRole): Promise<StartedWebRole>;
  /** Lets this many milliseconds pass. */
  pass(milliseconds: number): Promise<void>;
  /** Milliseconds since the double was installed. */
  now(): number;
  /** Gives a setting another value without telling the role. */
  set(name: string, value: string): void;
  /** Waits for a promise, and lets time pass meanwhile. */
  wait<T>(promise: T | PromiseLike<T>): Promise<T>;
  /** Connects, as another instance of the service would, to where the role listens. */
  connect(target: Target): Promise<net.TcpStream>;
  /** Listens in place of another instance of the service. */
  serve(target: Target, serve: (stream: net.TcpStream) => unknown): { close(): void };
  /** What `fetch` of the role gets. */
  answerFetch(answer: (request: Request) => Response | Promise<Response>): void;
  /** Nothing of the double goes on, and node's own timers are back. */
  uninstall(): void;
}

/** A role whose `onStart` has succeeded. Each call gives `run` and all others their turns, and time passes as far as the call waits for it. */
export interface StartedRole {
  /** Undefined while `run` goes on; when it has returned an object, with `error` if it threw one: the fabric would recycle the instance. */
  readonly runResult: { error?: unknown } | undefined;
  /**
   * Gives settings other values, as a new configuration does: `changing` while the old ones can still be read, then the change, then `changed`. A
   * role that answers `recycle` hears no `changed`: the fabric would start it again with the new values.
   */
  changeSettings(values: Record<string, string>): Promise<Verdict>;
  /** Gives a role another number of instances; the role under test is told if it can see that role. */
  changeInstances(role: string, count: number): Promise<Verdict>;
  /** As `changeInstances`, told to all instances at once, which a role cannot refuse. */
  changeInstancesAtOnce(role: string, count: number): Promise<void>;
  /** Asks the role about changes; nothing is changed. */
  changing(changes: Change[]): Promise<Verdict>;
  /** Tells the role of changes. */
  changed(changes: Change[]): Promise<void>;
  /** Asks the role for its status, as the fabric does every 15 seconds. */
  statusCheck(): Promise<Status>;
  /** Stops the role: `stopping`, then `onStop`, while `run` goes on. Then nothing of it does. */
  stop(): Promise<void>;
}

export interface StartedWebRole extends StartedRole {
  /** Lets the role answer a request: a path such as `/orders?page=2`, or a whole address. */
  handle(target: string | Request, init?: RequestInit): Promise<Response>;
}

/** How long the handler of an event has, in milliseconds: later, the fabric goes on without it, so a test fails. */
export const EVENT_DEADLINE: number;

/** How long `onStop` has, in milliseconds: later, the fabric cuts the instance off, so a test fails. */
export const STOP_BUDGET: number;
