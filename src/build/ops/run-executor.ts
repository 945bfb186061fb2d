import { digestOfValue } from '../../lib/canonical-json.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure, type PolyarchError } from '../../lib/errors.ts';
import { formatPlatform, hostPlatform, type Platform } from '../../oci/platform.ts';
import type { Node } from '../graph/graph.ts';
import type { RunOp } from '../graph/run-op.ts';
import type { KeeperClient } from '../keeper/keeper-client.ts';
import type { StepResources } from '../sandbox/cgroups/step-resources.ts';
import { runsNatively } from '../sandbox/emulator-table.ts';
import { hintFromOutput } from '../sandbox/explain-failure.ts';
import type { SolveOptions } from '../solver/vertex.ts';
import type { LayerIntake } from './layer-intake.ts';
import type { LayerSources } from './layer-sources.ts';
import type { ExecOptions, OpExecutor } from './op-executor.ts';
import { OutputTail } from './output-tail.ts';
import type { AgentSource, SecretSource } from './run-inputs.ts';
import type { StepClaims } from './step-claims.ts';
import { stepMounts } from './step-mounts.ts';
import type { Outcome, Tree } from './tree.ts';
import { treeRefs } from './tree-refs.ts';

/** The host name that BuildKit gives to every RUN (executor/oci/hosts.go). */
const hostname = 'buildkitsandbox';

const waiting = Buffer.from('another build of this machine runs this step: waiting for it\n');

export interface RunOutput {
  readonly node: Node;
  readonly stream: 'stdout' | 'stderr';
  readonly chunk: Buffer;
}

export interface RunExecutorOptions {
  /** Starts the keeper when it is first asked for. EMULATOR where it cannot run that platform's programs. */
  readonly keeper: (platform?: Platform) => Promise<KeeperClient>;
  readonly sources: LayerSources;
  readonly intake: LayerIntake;
  readonly onOutput: (output: RunOutput) => void;
  /** `NAME=value` for every RUN, behind the op's own: in no key, so that another proxy is no other build. */
  readonly proxyEnv: readonly string[];
  readonly secrets: SecretSource;
  readonly agents: AgentSource;
  /** What each program may use: in no key, for it changes no result. */
  readonly resources?: StepResources | undefined;
  /** SOURCE_DATE_EPOCH, seconds. */
  readonly epoch?: number | undefined;
  /** Steps that other builds of this machine run at the moment: theirs are waited for. Default: each build runs its own. */
  readonly claims?: StepClaims | undefined;
  /** What the cache has for a key by now. */
  readonly lookup?: ((key: Digest, options: SolveOptions) => Promise<Outcome | undefined>) | undefined;
}

export class RunExecutor implements OpExecutor<RunOp> {
  readonly #options: RunExecutorOptions;

  constructor(options: RunExecutorOptions) {
    this.#options = options;
  }

  async *keys(op: RunOp, inputs: readonly Tree[], options: SolveOptions): AsyncIterable<Digest> {
    const { epoch } = this.#options;
    // Another address is no other build (BuildKit, ops/exec.go).
    const known = { ...op, extraHosts: op.extraHosts?.map(({ name }) => name) };
    const root = inputs[0]?.key;
    const trees = inputs.slice(1).map((tree) => tree.key);
    yield digestOfValue({ op: known, root, ...(trees.length > 0 && { trees }), epoch });
    const contents = await this.#contents(op, inputs, options);
    if (contents.length === 0) return;
    const rest = trees.filter((_, index) => !contents.some(({ input }) => input === index + 1));
    yield digestOfValue({ op: known, root, rest, contents, epoch });
  }

  /** Of the trees that the step only reads a part of, that part: the rest of them may be what it likes. */
  async #contents(
    { mounts = [] }: RunOp,
    inputs: readonly Tree[],
    { signal }: SolveOptions,
  ): Promise<{ readonly input: number; readonly content: Digest }[]> {
    const read = mounts.filter((mount) => mount.kind === 'bind').filter(({ key }) => key === 'content');
    // A tree that is written to, or begins a cache, counts as a whole.
    if (read.length === 0 || read.some(({ writable }) => writable)) return [];
    const keeper = await this.#options.keeper();
    return await Promise.all(
      read.map(async ({ input, source }) => {
        const tree = inputs[input];
        const from = tree ? await treeRefs(tree, this.#options.sources, { signal }) : [];
        const sources = [{ pattern: source.slice(1) || '.', wildcards: false }];
        return { input, content: await keeper.checksum({ from, sources }, { signal }) };
      }),
    );
  }

  async exec(op: RunOp, inputs: readonly Tree[], options: ExecOptions): Promise<Outcome> {
    const { claims, lookup, onOutput } = this.#options;
    const { key, node } = options;
    const onWait = (): void => onOutput({ node, stream: 'stderr', chunk: waiting });
    const waited = await claims?.claim(key, onWait, options);
    try {
      const made = waited ? await lookup?.(key, options) : undefined;
      return made ?? (await this.#run(op, inputs, options));
    } catch (error) {
      claims?.release([key]);
      throw error;
    }
  }

  async #run(op: RunOp, inputs: readonly Tree[], { node, key, signal }: ExecOptions): Promise<Outcome> {
    const { keeper: start, sources, intake, onOutput, proxyEnv, epoch } = this.#options;
    const [root] = inputs;
    const given = await stepMounts(op, inputs, { ...this.#options, signal });
    const tree = root ? await treeRefs(root, sources, { signal }) : [];
    const keeper = await start(op.platform);
    const tail = new OutputTail();
    const forward = (stream: 'stdout' | 'stderr') => (chunk: Buffer) => {
      tail.add(chunk);
      onOutput({ node, stream, chunk });
    };
    const { platform, args, cwd, user, network, extraHosts = [], ulimits = [], shmBytes } = op;
    const env = [...op.env, ...proxyEnv, ...given.env];
    const { exitCode, snapshot, memoryKills } = await keeper.run(
      {
        ...{ tree, platform, args, env, cwd, user, network, hostname, extraHosts },
        mounts: given.mounts,
        security: op.insecure ? 'insecure' : 'sandbox',
        limits: { ulimits, ...(shmBytes === undefined ? {} : { shmBytes }) },
      },
      { signal, stdout: forward('stdout'), stderr: forward('stderr') },
    );
    if (exitCode !== 0 || snapshot === undefined) {
      if (memoryKills !== undefined) throw outOfMemory(node, exitCode, tail, this.#options.resources);
      throw stepFailure(node, op, exitCode, tail);
    }
    const created = Math.floor(Date.now() / 1000);
    // Not ended with this vertex: another one may have taken the outcome. What nobody wants any more ends with the keeper.
    const stored = keeper
      .pack({ snapshot, ...(epoch === undefined ? {} : { epoch }) })
      .then((packed) => intake.take(packed))
      .then((layer) => ({ layer, created }));
    // A dependent or the export sees the failure; until one waits, it must not count as unhandled.
    stored.catch(() => {});
    return { key, layers: [{ stored, snapshot }] };
  }
}

/** The kernel killed one of its processes at least; which one is its choice. */
function outOfMemory(
  node: Node,
  exitCode: number,
  tail: OutputTail,
  { memory }: StepResources = {},
): PolyarchError {
  const limit = memory === undefined ? '' : ` within --memory ${formatBytes(memory)}`;
  const what = `exit code ${exitCode}, killed: out of memory${limit}${whereOf(node)}`;
  return failure('STEP_FAILED', 'run', node.steps[0]?.text ?? 'RUN', what, {
    output: tail.text(),
    hint:
      memory === undefined
        ? 'this machine, or the group that the build is in, has no more memory: --parallel 1 runs one step at a time'
        : `give each step more: --memory ${formatBytes(memory * 2)}`,
  });
}

/** As `--memory` takes it. */
function formatBytes(bytes: number): string {
  const unit = [...'gmk'].find((_, index) => bytes % 1024 ** (3 - index) === 0);
  return unit === undefined ? `${bytes}` : `${bytes / 1024 ** (3 - 'gmk'.indexOf(unit))}${unit}`;
}

function whereOf({ steps: [step] }: Node): string {
  return step ? ` (line ${step.startLine}, ${formatPlatform(step.platform)})` : '';
}

function stepFailure(node: Node, op: RunOp, exitCode: number, tail: OutputTail) {
  const text = node.steps[0]?.text ?? 'RUN';
  return failure('STEP_FAILED', 'run', text, `exit code ${exitCode}${whereOf(node)}`, {
    output: tail.text(),
    hint:
      exitCode === 127
        ? 'the command was not found in the image: check its name, PATH and the base image'
        : hintFromOutput(tail.text(), { emulated: !runsNatively(op.platform, hostPlatform()) }),
  });
}
