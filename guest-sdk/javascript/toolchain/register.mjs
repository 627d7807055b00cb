// `node --import <sdk>/toolchain/register.mjs --test` runs the tests of a role that has not installed the SDK.

import { register } from 'node:module';

register(new URL('./hooks.mjs', import.meta.url));
