// What a role can ask about itself and its deployment. In a component the fabric answers; in a role's unit tests, the test
// double does.

import * as answers from '#answers';

/** The service definition has nothing of this name for this role. */
export class UnknownName extends Error {
  constructor(what, name) {
    super(`the service definition has no ${what} named \`${name}\` for this role`);
    this.name = 'UnknownName';
  }
}

/** One endpoint of one role instance. */
export class Endpoint {
  constructor({ name, kind, protocol, address, port, portMax, publicPort }) {
    this.name = name;
    this.kind = kind;
    this.protocol = protocol;
    this.address = address;
    this.port = port;
    this.lastPort = portMax ?? undefined;
    this.publicPort = publicPort ?? undefined;
  }

  /** Where the instance listens, and where others connect to: `10.0.0.4:20000`. */
  get socketAddress() {
    return `${this.address}:${this.port}`;
  }
}

/** One running copy of a role. */
export class RoleInstance {
  constructor({ id, role, faultDomain, updateDomain, endpoints }) {
    this.id = id;
    this.role = role;
    this.faultDomain = faultDomain;
    this.updateDomain = updateDomain;
    this.endpoints = endpoints.map(endpoint => new Endpoint(endpoint));
  }

  /** The endpoint of this name; an `UnknownName` is thrown if the role has none. */
  endpoint(name) {
    const endpoint = this.endpoints.find(endpoint => endpoint.name === name);
    if (endpoint === undefined) throw new UnknownName('endpoint', name);
    return endpoint;
  }

  /** The endpoints for traffic between the instances of the deployment. */
  internalEndpoints() {
    return this.endpoints.filter(endpoint => endpoint.kind === 'internal');
  }
}

/** The role's view of its surroundings. Every function is cheap and answers at once. */
export const environment = Object.freeze({
  isAvailable: () => answers.isAvailable(),
  deploymentId: () => answers.deploymentId(),
  isEmulated: () => answers.isEmulated(),
  currentInstance: () => new RoleInstance(answers.currentInstance()),
  roles: () => answers.roles().map(roleInfo),
  role: name => environment.roles().find(role => role.name === name),
  setting: name => found(answers.setting(name), 'setting', name),
  localResource(name) {
    const resource = found(answers.localResource(name), 'local storage', name);
    return { name: resource.name, path: resource.rootPath, sizeInMegabytes: resource.maximumSizeInMegabytes };
  },
  requestRecycle: () => answers.requestRecycle(),
  variables: () => answers.variables(),
});

function roleInfo({ name, instances }) {
  return { name, instances: instances.map(instance => new RoleInstance(instance)) };
}

function found(answer, what, name) {
  if (answer === undefined) throw new UnknownName(what, String(name));
  return answer;
}
