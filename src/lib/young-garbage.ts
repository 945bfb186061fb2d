/** Bytes of passed-on chunks that may lie about uncollected. */
const garbageBytes = 24 * 1024 * 1024;

let passed = 0;
let collect: (() => void) | undefined;

/**
 * Tells of `bytes` in a chunk that has been passed on. V8 hardly sees what lies outside of its heap: it lets some hundred megabytes of dead
 * chunks gather before it looks, more on a busy machine. Its young generation, where they all are, is collected in about a millisecond.
 */
export function chunkPassed(bytes: number): void {
  passed += bytes;
  if (passed < garbageBytes) return;
  passed = 0;
  collect ??= youngCollector();
  collect();
}

function youngCollector(): () => void {
  try {
    // Not imported: most commands pass on less.
    process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
    const gc = process.getBuiltinModule('node:vm').runInNewContext('gc') as (options: {
      type: 'minor';
    }) => void;
    return () => gc({ type: 'minor' });
  } catch {
    return () => {};
  }
}
