#!/usr/bin/env node
// Answers `--version` alone; everything else is the core, loaded from V8's code cache where the build left one.
'use strict';
const fs = require('node:fs');

if (process.argv.length === 3 && process.argv[2] === '--version') sayVersion();
else loadCore(`${__dirname}/core.js`).runProcess();

function sayVersion() {
  try {
    fs.writeSync(1, `${VERSION}\n`);
  } catch {
    process.exitCode = 1; // Nobody reads: the other end of the pipe is closed.
  }
}

function loadCore(file) {
  const { constants, Script } = require('node:vm');
  // The build writes ASCII only, and one-byte text needs no decoding.
  const script = new Script(fs.readFileSync(file, 'latin1'), {
    filename: file,
    cachedData: readCache(`${__dirname}/core.cache`),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const core = { exports: {} };
  script.runInThisContext()(core.exports, require, core, file);
  return core.exports;
}

/** V8 itself refuses a cache made by another V8 or for other flags, and compiles instead. */
function readCache(file) {
  try {
    return fs.readFileSync(file);
  } catch {
    return undefined;
  }
}
