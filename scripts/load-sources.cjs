// Preloaded by ./polyarch. Sources name each other with relative paths and all their letters, so that nothing has to be looked up: Node's own
// resolution (stat, realpath, package.json of each directory) takes a quarter of a start from some 250 files.
const { registerHooks } = require('node:module');
const { readFileSync } = require('node:fs');

const format = 'module-typescript';

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith('node:')) return { url: specifier, format: 'builtin', shortCircuit: true };
    if (specifier.startsWith('.') && specifier.endsWith('.ts') && context.parentURL !== undefined)
      return { url: new URL(specifier, context.parentURL).href, format, shortCircuit: true };
    return next(specifier, context);
  },
  load(url, context, next) {
    if (context.format !== format) return next(url, context);
    return { format, source: readFileSync(new URL(url), 'utf8'), shortCircuit: true };
  },
});
