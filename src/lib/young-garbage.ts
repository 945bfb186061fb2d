/** Bytes of passed-on chunks that may lie about uncollected. Few, so that the next chunks take memory that is warm: 24 MiB cost a copy a sixth of its CPU time in page faults. */
const garbageBytes = 2 * 1024 * 1024;
/** Chunks that waited long, for a slow disk, have left the young generation: every so many times all are looked at. */
const wholeEvery = 96;

let passed = 0;
let times = 0;
let collect: ((type: 'minor' | 'major') => void) | undefined;

/**
 * Tells of `bytes` in a chunk that has been passed on. V8 hardly sees what lies outside of its heap: it lets some hundred megabytes of dead
 * chunks gather before it looks, more on a busy machine. Its young generation, where most of them are, is collected in about a millisecond.
 */
export function chunkPassed(bytes: number): void {
  passed += bytes;
  if (passed < garbageBytes) return;
  passed = 0;
  collect ??= youngCollector();
  times++;
  collect(times % wholeEvery === 0 ? 'major' : 'minor');
}

function youngCollector(): (type: 'minor' | 'major') => void {
  try {
    // Not imported: most commands pass on less.
    process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
    const gc = process.getBuiltinModule('node:vm').runInNewContext('gc') as (options: {
      type: 'minor' | 'major';
    }) => void;
    return (type) => gc({ type });
  } catch {
    return () => {};
  }
}
