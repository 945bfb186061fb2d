import { basename } from 'node:path';
import { version } from '../lib/version.ts';
import { commands } from './commands.ts';
import { dispatch } from './dispatch.ts';

const summary =
  'polyarch: multi-architecture container images, from a Dockerfile to a registry, without a daemon';

async function run(argv: readonly string[]): Promise<number> {
  const [name] = argv;
  if (name === '--version' || name === '-v' || name === 'version') {
    process.stdout.write(`polyarch ${version}\n`);
    return 0;
  }
  return await dispatch({ path: 'polyarch', summary, table: commands }, argv);
}

/** A symbolic link that has another program's name stands for that program's shim. The checkout's wrapper says its name in the variable. */
async function calledAs(): Promise<string[]> {
  const name = basename(process.env.POLYARCH_CALLED_AS ?? process.argv[1] ?? '');
  delete process.env.POLYARCH_CALLED_AS;
  if (name === '' || /^(?:polyarch|main)(?:\.[jt]s|\.cjs)?$/.test(name)) return [];
  const { shims } = await import('./shims/shims.ts');
  return Object.hasOwn(shims, name) ? ['shim', name] : [];
}

// Holds when the event loop runs dry before the command has ended.
process.exitCode = 1;
void calledAs()
  .then((words) => run([...words, ...process.argv.slice(2)]))
  // Whatever was written has left: standard streams are synchronous on POSIX. Taking a build's heap apart would cost 65 ms more.
  .then((code) => process.exit(outputWasLost() ? code || 1 : code));

/** A disk that is full shows here only: the event comes when the program has ended. Who reads no further has seen enough. */
function outputWasLost(): boolean {
  const { errored } = process.stdout;
  if (errored === null || (errored as NodeJS.ErrnoException).code === 'EPIPE') return false;
  process.stderr.write(
    `error: Cannot write "standard output": ${errored.message}\nhint: df -h says which disk is full\n`,
  );
  return true;
}
