#!/usr/bin/env node
// Answers `--version` alone. Everything else is modules of `core.js` and, when they are asked for, of `rest.js`.
'use strict';
const fs = require('node:fs');
const known = {};
const loaded = {};

if (process.argv[2] === '--version') sayVersion(process.argv.includes('--json'));
else {
  addModules('core');
  load('./main.js').runProcess();
}

function sayVersion(json) {
  try {
    fs.writeSync(1, json ? `{"version":"${VERSION}"}\n` : `${VERSION}\n`);
  } catch {
    process.exitCode = 1; // Nobody reads: the other end of the pipe is closed.
  }
}

function load(name) {
  if (!name.startsWith('./')) return require(name);
  if (loaded[name] === undefined) {
    if (known[name] === undefined) addModules('rest');
    loaded[name] = { exports: {} };
    known[name](loaded[name].exports, load, loaded[name], moduleUrl());
  }
  return loaded[name].exports;
}

function moduleUrl() {
  return require('node:url').pathToFileURL(__filename).href;
}

function addModules(name) {
  const { constants, Script } = require('node:vm');
  const file = `${__dirname}/${name}.js`;
  // The build writes ASCII only, and one-byte text needs no decoding.
  const script = new Script(fs.readFileSync(file, 'latin1'), {
    filename: file,
    cachedData: readCache(`${__dirname}/${name}.cache`),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  Object.assign(known, script.runInThisContext());
}

/** V8 itself refuses a cache made by another V8 or for other flags, and compiles instead. */
function readCache(file) {
  try {
    return fs.readFileSync(file);
  } catch {
    return undefined;
  }
}
