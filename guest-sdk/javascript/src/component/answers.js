// The fabric's answers.

import contract from 'wasm-roles:role/environment@0.1.0';
import cli from 'wasi:cli/environment@0.3.0';

export const isAvailable = () => true;
export const deploymentId = () => contract.deploymentId();
export const isEmulated = () => contract.isEmulated();
export const currentInstance = () => contract.currentInstance();
export const roles = () => contract.roles();
export const setting = name => knownOrUndefined(() => contract.configurationSettingValue(String(name)));
export const localResource = name => knownOrUndefined(() => contract.localResource(String(name)));
export const requestRecycle = () => contract.requestRecycle();
export const variables = () => Object.fromEntries(cli.getEnvironment());

function knownOrUndefined(ask) {
  try {
    return ask();
  } catch (error) {
    if (error.payload === 'unknown-name') return undefined;
    throw error;
  }
}
