// Bundles the command line for a quick start. Node caches compiled code for no ES module, so the modules become
// functions in two scripts, each with a code cache: `core.js` is what `emit` needs, `rest.js` everything else.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { build, transform } from 'esbuild';
import { ROOT } from './fingerprint.mjs';

const ENTRY = 'src/cli/main.ts';
const QUICK = ['src/cli/main.ts', 'src/cli/commands/emit.ts'];

/**
 * Writes `core.js` and `rest.js` into `bin`.
 * @returns the metafile: what went in.
 */
export async function bundleCore(bin, options) {
  const { outputFiles, metafile } = await build({
    ...options,
    entryPoints: { main: ENTRY },
    outdir: bin,
    write: false,
    format: 'esm',
    splitting: true,
    chunkNames: '[name]-[hash]',
    define: { ...options.define, 'import.meta.url': 'moduleUrl' },
    plugins: [withoutChildProcess, withDriver],
  });
  const quick = quickOutputs(metafile.outputs);
  const scripts = { core: [], rest: [] };
  for (const { path: file, text } of outputFiles) {
    const isQuick = quick.has(path.relative(ROOT, file).replaceAll(path.sep, '/'));
    scripts[isQuick ? 'core' : 'rest'].push(await toFunction(path.basename(file), text));
  }
  for (const [name, functions] of Object.entries(scripts)) {
    writeFileSync(path.join(bin, `${name}.js`), `({\n${functions.join(',\n')}\n})\n`);
  }
  return metafile;
}

/** The outputs that the entry and `emit` load before they do anything. */
function quickOutputs(outputs) {
  const reached = new Set();
  const walk = (output) => {
    if (reached.has(output)) return;
    reached.add(output);
    for (const { path: next, kind } of outputs[output].imports) {
      if (kind === 'import-statement' && next in outputs) walk(next);
    }
  };
  for (const [output, { entryPoint }] of Object.entries(outputs)) {
    if (QUICK.includes(entryPoint)) walk(output);
  }
  return reached;
}

/** One module as a member of an object: its name, and a function that fills its exports. */
async function toFunction(name, text) {
  const { code } = await transform(text, {
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    supported: { 'dynamic-import': false },
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 120,
  });
  return `${JSON.stringify(`./${name}`)}(exports, require, module, moduleUrl) {\n${toAscii(code)}}`;
}

/** The launcher reads bytes as characters. esbuild escapes what stands in strings, and leaves regular expressions. */
function toAscii(code) {
  return code.replaceAll(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Commander can run subcommands that are programs of their own; ours are not, and the module costs 1.5 ms. */
const withoutChildProcess = {
  name: 'without-child-process',
  setup(hooks) {
    hooks.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/node_modules/commander/') ? { path: 'none', namespace: 'none' } : null,
    );
    hooks.onLoad({ filter: /^/, namespace: 'none' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/**
 * The twelve small files around the addon of the driver take longer to find and compile than the addon to load.
 * They are bundled; the addon itself is loaded from the installed package, which the exact version in
 * package.json keeps equal.
 */
const withDriver = {
  name: 'with-driver',
  setup(hooks) {
    const virtual = (filter, contents) => {
      hooks.onLoad({ filter, namespace: 'driver' }, () => ({ contents, resolveDir: ROOT }));
    };
    hooks.onResolve({ filter: /^node:module$/ }, ({ importer }) =>
      importer.endsWith(path.join('src', 'base', 'driver.ts'))
        ? { path: 'require', namespace: 'driver' }
        : null,
    );
    hooks.onResolve({ filter: /^bindings$/ }, () => ({ path: 'addon', namespace: 'driver' }));
    hooks.onResolve({ filter: /^driver-files$/ }, () => ({
      path: path.join(ROOT, 'node_modules', 'better-sqlite3', 'lib', 'index.js'),
    }));
    virtual(
      /^require$/,
      `import { createRequire as create } from 'node:module';
       import { file } from 'bindings';
       export const createRequire = (url) => (name) => {
         if (name !== 'better-sqlite3') return create(url)(name);
         create(url).resolve(file);
         return require('driver-files');
       };`,
    );
    virtual(
      /^addon$/,
      `const { createRequire } = require('node:module');
       module.exports = () => createRequire(moduleUrl)(module.exports.file);
       module.exports.file = 'better-sqlite3/build/Release/better_sqlite3.node';`,
    );
  },
};
