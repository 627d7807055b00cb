#!/usr/bin/env node
import { main } from '../toolchain/command.mjs';

process.exitCode = await main(process.argv.slice(2));
