#!/usr/bin/env node
// Starts the bundle. CommonJS, which starts sooner, and without new syntax, so that an old Node can say that it is too old.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 5)) {
  process.stderr.write(
    `error: Cannot start "polyarch": Node ${process.versions.node} is too old\nhint: install Node 24.5 or newer\n`,
  );
  process.exitCode = 2;
} else {
  require('../dist/cli/main.cjs');
}
