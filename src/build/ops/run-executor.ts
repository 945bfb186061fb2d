import { digestOfValue } from '../../lib/canonical-json.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { formatPlatform, hostPlatform } from '../../oci/platform.ts';
import type { Node } from '../graph/graph.ts';
import type { RunOp } from '../graph/op.ts';
import type { KeeperClient } from '../keeper/keeper-client.ts';
import { runsNatively } from '../sandbox/emulator-table.ts';
import { hintFromOutput } from '../sandbox/explain-failure.ts';
import type { LayerIntake } from './layer-intake.ts';
import type { LayerSources } from './layer-sources.ts';
import type { ExecOptions, OpExecutor } from './op-executor.ts';
import { OutputTail } from './output-tail.ts';
import type { Outcome, Tree } from './tree.ts';
import { treeRefs } from './tree-refs.ts';

/** The host name that BuildKit gives to every RUN (executor/oci/hosts.go). */
const hostname = 'buildkitsandbox';

export interface RunOutput {
  readonly node: Node;
  readonly stream: 'stdout' | 'stderr';
  readonly chunk: Buffer;
}

export interface RunExecutorOptions {
  /** Starts the keeper when it is first asked for. */
  readonly keeper: () => Promise<KeeperClient>;
  readonly sources: LayerSources;
  readonly intake: LayerIntake;
  readonly onOutput: (output: RunOutput) => void;
  /** `NAME=value` for every RUN, behind the op's own: in no key, so that another proxy is no other build. */
  readonly proxyEnv: readonly string[];
  /** SOURCE_DATE_EPOCH, seconds. */
  readonly epoch?: number | undefined;
}

export class RunExecutor implements OpExecutor<RunOp> {
  readonly #options: RunExecutorOptions;

  constructor(options: RunExecutorOptions) {
    this.#options = options;
  }

  async *keys(op: RunOp, [root]: readonly Tree[]): AsyncIterable<Digest> {
    yield digestOfValue({ op, root: root?.key, epoch: this.#options.epoch });
  }

  async exec(op: RunOp, [root]: readonly Tree[], { node, key, signal }: ExecOptions): Promise<Outcome> {
    const { keeper: start, sources, intake, onOutput, proxyEnv, epoch } = this.#options;
    const tree = root ? await treeRefs(root, sources, { signal }) : [];
    const keeper = await start();
    const tail = new OutputTail();
    const forward = (stream: 'stdout' | 'stderr') => (chunk: Buffer) => {
      tail.add(chunk);
      onOutput({ node, stream, chunk });
    };
    const { platform, args, cwd, user, network } = op;
    const env = [...op.env, ...proxyEnv];
    const { exitCode, snapshot } = await keeper.run(
      { tree, platform, args, env, cwd, user, network, hostname },
      { signal, stdout: forward('stdout'), stderr: forward('stderr') },
    );
    if (exitCode !== 0 || snapshot === undefined) throw stepFailure(node, op, exitCode, tail);
    const created = Math.floor(Date.now() / 1000);
    const stored = keeper
      .pack({ snapshot, ...(epoch === undefined ? {} : { epoch }) }, { signal })
      .then((packed) => intake.take(packed))
      .then((layer) => ({ layer, created }));
    // A dependent or the export sees the failure; until one waits, it must not count as unhandled.
    stored.catch(() => {});
    return { key, layers: [{ stored, snapshot }] };
  }
}

function stepFailure(node: Node, op: RunOp, exitCode: number, tail: OutputTail) {
  const [step] = node.steps;
  const where = step ? ` (line ${step.startLine}, ${formatPlatform(step.platform)})` : '';
  return failure('STEP_FAILED', 'run', step?.text ?? 'RUN', `exit code ${exitCode}${where}`, {
    output: tail.text(),
    hint:
      exitCode === 127
        ? 'the command was not found in the image: check its name, PATH and the base image'
        : hintFromOutput(tail.text(), { emulated: !runsNatively(op.platform, hostPlatform()) }),
  });
}
