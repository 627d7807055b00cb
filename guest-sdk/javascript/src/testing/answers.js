// The double's answers, in place of the fabric's.

import { current, isInstalled } from './double.js';

const view = asked => current(`environment.${asked}`).view;

export const isAvailable = () => isInstalled();
export const deploymentId = () => view('deploymentId').deploymentId;
export const isEmulated = () => view('isEmulated').emulated;
export const currentInstance = () => view('currentInstance').current();
export const roles = () => view('roles').visible();
export const setting = name => view('setting').settings.get(String(name));
export const localResource = name => view('localResource').localResources.get(String(name));
export const requestRecycle = () => current('environment.requestRecycle').requestRecycle();
export const variables = () => ({ ...view('variables').variables });
