import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { cliDocs, renderCliDocs } from '../scripts/cli-docs.ts';

/** The formatter pads the cells of tables. */
const unpadded = (page: string): string => page.replace(/ +\|/g, ' |').replace(/-{3,}/g, '---');

test("docs/cli.md is what the commands' --help says (node scripts/cli-docs.ts writes it)", async () => {
  assert.equal(unpadded(readFileSync(cliDocs, 'utf8')), unpadded(await renderCliDocs()));
});
