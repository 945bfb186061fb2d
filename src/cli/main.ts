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

process.exitCode = await run(process.argv.slice(2));
