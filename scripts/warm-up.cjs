// Runs one command of the core as the launcher would, and keeps what V8 compiled meanwhile.
'use strict';
const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const vm = require('node:vm');

const file = path.join(process.env.CORE, 'core.js');
const script = new vm.Script(fs.readFileSync(file, 'latin1'), {
  filename: file,
  importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
const core = { exports: {} };
script.runInThisContext()(core.exports, createRequire(file), core, file);
process.on('exit', (code) => {
  if (code !== 0) return;
  const cache = path.join(process.env.CORE, 'core.cache');
  fs.writeFileSync(`${cache}.tmp`, script.createCachedData());
  fs.renameSync(`${cache}.tmp`, cache);
});
core.exports.runProcess();
