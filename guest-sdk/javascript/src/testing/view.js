// The roles of a deployment that is only described, as one of its instances sees them.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FIRST_ADDRESS = 4;

/** What the instance under test can see. */
export class View {
  deploymentId;
  emulated;
  settings;
  localResources;
  variables;
  made = [];
  #roles;
  #own;
  #number;
  #given = 0;

  constructor(definition) {
    const { role, number = 0, roles = [], settings = {}, localResources = {}, variables = {} } = definition;
    this.deploymentId = definition.deploymentId ?? '0123456789abcdef0123456789abcdef';
    this.emulated = definition.emulated ?? true;
    this.settings = new Map(Object.entries(settings).map(([name, value]) => [name, String(value)]));
    this.localResources = new Map(Object.entries(localResources).map(([name, value]) => [name, this.#resource(name, value)]));
    this.variables = variables;
    this.#own = nameOf(role);
    this.#number = number;
    this.#roles = [role, ...roles].map(role => this.#role(role));
    this.current();
  }

  current() {
    const instance = this.#find(this.#own).instances[this.#number];
    if (instance === undefined) throw mistake(`the test is instance ${this.#number} of ${this.#own}, which has no such instance`);
    return instance;
  }

  /** All roles, each with the instances that the instance under test may see: all, if the role has an internal endpoint, otherwise only itself. */
  visible() {
    const current = this.current();
    return this.#roles.map(({ name, endpoints, instances }) => ({
      name,
      instances: instances.filter(instance => isVisible(endpoints) || instance.id === current.id),
    }));
  }

  hearsOf(name) {
    return name === this.#own || isVisible(this.#find(name).endpoints);
  }

  differs(name, value) {
    if (!this.settings.has(name)) throw mistake(`the test changes the setting \`${name}\`, which the role does not have`);
    return this.settings.get(name) !== String(value);
  }

  set(name, value) {
    this.differs(name, value);
    this.settings.set(name, String(value));
  }

  count(name) {
    return this.#find(name).instances.length;
  }

  resize(name, count) {
    const role = this.#find(name);
    if (name === this.#own && count <= this.#number) {
      throw mistake(
        `the test leaves ${name} ${count} instances, so the one under test is gone: the fabric stops such an instance and tells it of ` +
          'no change; call `stop`',
      );
    }
    role.instances.length = Math.min(role.instances.length, count);
    this.#fill(role, count);
  }

  #find(name) {
    const role = this.#roles.find(role => role.name === name);
    if (role === undefined) throw mistake(`the test speaks of the role \`${name}\`, which the deployment does not have`);
    return role;
  }

  #role(defined) {
    const given = typeof defined === 'string' ? { name: defined } : defined;
    const role = { name: given.name, endpoints: given.endpoints ?? [], instances: [] };
    this.#fill(role, given.instances ?? 1);
    return role;
  }

  #fill(role, count) {
    while (role.instances.length < count) {
      const number = role.instances.length;
      const address = `10.0.0.${FIRST_ADDRESS + this.#given++}`;
      const endpoints = role.endpoints.map(endpoint => endpointOf(endpoint, address, number));
      role.instances.push({
        id: `${role.name}_IN_${number}`,
        role: role.name,
        faultDomain: number % 2,
        updateDomain: number % 5,
        endpoints,
      });
    }
  }

  #resource(name, { path, sizeInMegabytes = 100 } = {}) {
    const made = path === undefined ? mkdtempSync(join(tmpdir(), 'local-')) : undefined;
    if (made !== undefined) this.made.push(made);
    return { name, rootPath: path ?? made, maximumSizeInMegabytes: sizeInMegabytes };
  }
}

export const mistake = what => new Error(what);

const nameOf = role => (typeof role === 'string' ? role : role?.name);
const isVisible = endpoints => endpoints.some(({ kind = 'internal' }) => kind === 'internal');

function endpointOf({ name, kind = 'internal', protocol = 'tcp', port, lastPort, publicPort }, address, number) {
  const seen = kind === 'internal' ? undefined : (publicPort ?? port);
  return {
    name,
    kind,
    protocol,
    address,
    port,
    portMax: lastPort ?? null,
    publicPort: seen === undefined ? null : kind === 'instance-input' ? seen + number : seen,
  };
}
