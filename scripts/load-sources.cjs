// Preloaded by ./polyarch. Sources name each other with relative paths and all their letters, so that nothing has to be looked up: Node's own
// resolution (stat, realpath, package.json of each directory) takes a quarter of a start from some 250 files.
const { registerHooks } = require('node:module');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const format = 'module-typescript';

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith('node:')) return { url: specifier, format: 'builtin', shortCircuit: true };
    if (specifier.startsWith('.') && specifier.endsWith('.ts') && context.parentURL !== undefined)
      return { url: new URL(specifier, context.parentURL).href, format, shortCircuit: true };
    try {
      return next(specifier, context);
    } catch (error) {
      if (error.code !== 'ERR_MODULE_NOT_FOUND' || context.parentURL?.includes('/node_modules/')) throw error;
      const problem = `the package "${specifier}" is missing in node_modules`;
      process.stderr.write(
        `error: Cannot start "polyarch": ${problem}\nhint: (cd '${join(__dirname, '..')}' && npm ci)\n`,
      );
      process.exit(2);
    }
  },
  load(url, context, next) {
    if (context.format !== format) return next(url, context);
    return { format, source: readFileSync(new URL(url), 'utf8'), shortCircuit: true };
  },
});
