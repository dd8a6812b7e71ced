// Runs one command of the built product, and keeps what V8 compiled meanwhile. Usage: node warm-up.cjs BIN ARGS…
'use strict';
const fs = require('node:fs');
const process = require('node:process');
const vm = require('node:vm');

const scripts = [];
vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    scripts.push({ script: this, cache: options.filename.replace(/\.js$/, '.cache') });
  }
};

process.on('exit', () => {
  for (const { script, cache } of scripts) {
    if (fs.existsSync(cache)) continue;
    fs.writeFileSync(`${cache}.tmp`, script.createCachedData());
    fs.renameSync(`${cache}.tmp`, cache);
  }
});

process.argv.splice(1, 1);
require(process.argv[1]);
