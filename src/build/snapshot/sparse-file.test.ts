import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { SparseFile } from './sparse-file.ts';

test('whatever is zero, the file holds what was written', () => {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-sparse-'));
  const path = join(directory, 'file');
  const piece = fc.record({
    length: fc.constantFrom(1, 4095, 4096, 5000, 70_000),
    fill: fc.constantFrom('zeros', 'ends', 'ones', 'last'),
  });
  try {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const all = pieces.map(({ length, fill }) => {
          const bytes = Buffer.alloc(length, fill === 'ones' ? 1 : 0);
          if (fill === 'ends') bytes[Math.floor(length / 2)] = 1;
          if (fill === 'last') bytes[length - 1] = 1;
          return bytes;
        });
        const file = new SparseFile(openSync(path, 'w'));
        for (const bytes of all) file.write(bytes);
        file.finish();
        closeSync(file.fd);
        assert.ok(readFileSync(path).equals(Buffer.concat(all)));
      }),
      { numRuns: 60 },
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});
