import { formatPlatform, type Platform } from '../../oci/platform.ts';
import { describeOp, shortDigest } from '../cache/journal/describe-op.ts';
import { FileLists, type ListedFile } from '../cache/journal/file-lists.ts';
import { type JournalStep, JournalStore, nameOf, type StepInput } from '../cache/journal/journal.ts';
import type { Node } from '../graph/graph.ts';
import type { Selection } from '../snapshot/copy/selection.ts';
import { baseKey, type RecordedBuild, type RecordedResult } from './recorded-build.ts';

/** The journal of builds of this kind: this one, and the one before. Nothing is written when no step ran. */
export async function writeJournal(recorder: RecordedBuild, result: RecordedResult): Promise<void> {
  const { ran, options } = recorder;
  const nodes = stepsOf(result.roots);
  if (!nodes.some((node) => ran.has(node.digest))) return;
  const store = new JournalStore(options.directory);
  const known = await store.get(options.key);
  const steps: JournalStep[] = [];
  for (const node of nodes) steps.push(...(await describeNode(node, recorder, result)));
  const own = new Set(steps.map(nameOf));
  const wanted = nodes
    .flatMap((node) => node.steps)
    .map((step) => {
      return { ...step, platform: formatPlatform(step.platform) };
    });
  const platforms = new Set(wanted.map(({ platform }) => platform));
  const unreached = new Set(wanted.map(nameOf).filter((name) => !own.has(name)));
  const later = (known?.build.steps ?? [])
    .filter((step) => unreached.has(nameOf(step)) || !platforms.has(step.platform))
    .map((step): JournalStep => ({ ...step, state: 'later' }));
  await store.set({
    ...options.key,
    names: options.names,
    results: result.results,
    build: {
      time: Math.floor(Date.now() / 1000),
      platforms: [...platforms],
      cache: options.cache,
      steps: [...steps, ...later],
    },
    ...(known && { before: known.build }),
  });
  await saveLists(nodes, recorder, result);
}

/** Nodes that instructions stand for, inputs first. */
function stepsOf(roots: readonly Node[]): Node[] {
  const nodes = new Set<Node>();
  const visit = (node: Node): void => {
    if (nodes.has(node)) return;
    for (const input of node.inputs) visit(input);
    nodes.add(node);
  };
  for (const root of roots) visit(root);
  return [...nodes].filter(
    ({ op, steps }) => steps.length > 0 && op.kind !== 'base' && op.kind !== 'context',
  );
}

async function describeNode(
  node: Node,
  recorder: RecordedBuild,
  result: RecordedResult,
): Promise<JournalStep[]> {
  const solved = recorder.solved.get(node.digest);
  const state = recorder.ran.has(node.digest) ? 'ran' : 'cached';
  if (solved === undefined && state === 'cached') return [];
  const inputs = [...describeOp(node.op), ...(solved ? await readInputs(node, recorder, result) : [])];
  const { epoch } = recorder.options;
  if (epoch !== undefined)
    inputs.push({ kind: 'option', name: 'SOURCE_DATE_EPOCH', digest: shortDigest(epoch) });
  return node.steps.map(({ stage, number, total, text, platform }) => {
    const below = belowOf(node, platform);
    return {
      ...{ platform: formatPlatform(platform), stage, number, total, text, state, inputs },
      ...(below && { below }),
      base: baseOf(node, recorder),
      ...(solved && { made: solved.made }),
    };
  });
}

/** Files and trees that a step reads besides the one that it lies on. */
async function readInputs(
  { op, inputs }: Node,
  recorder: RecordedBuild,
  { filesOf }: RecordedResult,
): Promise<StepInput[]> {
  const read = inputs.slice(1).map((input): StepInput => {
    const stage = input.steps[0]?.stage ?? baseOf(input, recorder).name;
    const name = input.op.kind === 'context' ? `context ${input.op.path}` : stage;
    return { kind: 'tree', name, digest: recorder.solved.get(input.digest)?.tree.key ?? '' };
  });
  if (op.kind === 'copy' && inputs.length < 2)
    read.push({ kind: 'files', name: '', digest: (await filesOf(op)).digest });
  return read;
}

function baseOf(node: Node, { bases }: RecordedBuild): JournalStep['base'] {
  let at = node;
  for (let below = at.inputs[0]; below !== undefined; below = at.inputs[0]) at = below;
  const layers = at.op.kind === 'base' ? at.op.layers : [];
  const key = baseKey(layers);
  const name = bases.get(key) ?? (layers.length === 0 ? 'scratch' : 'the base image');
  return { name, digest: shortDigest(key) };
}

function belowOf(node: Node, platform: Platform): string | undefined {
  const wanted = formatPlatform(platform);
  for (let below = node.inputs[0]; below !== undefined; below = below.inputs[0]) {
    const same = below.steps.find((step) => formatPlatform(step.platform) === wanted);
    const step = same ?? below.steps[0];
    if (step && below.op.kind !== 'base') return nameOf({ ...step, platform: formatPlatform(step.platform) });
  }
  return undefined;
}

async function saveLists(
  nodes: readonly Node[],
  { options, ran, solved }: RecordedBuild,
  { filesOf }: RecordedResult,
): Promise<void> {
  const lists = new FileLists(options.directory);
  for (const { digest, op, inputs } of nodes) {
    if (op.kind !== 'copy' || inputs.length > 1 || !ran.has(digest) || !solved.has(digest)) continue;
    const files = await filesOf(op);
    await lists.write(files.digest, () => listOf(files.selection));
  }
}

/** Enough of a file's digest to tell a change. */
const contentDigits = 20;

function* listOf({ items, hashed }: Selection): Generator<ListedFile> {
  for (const { entries } of items) {
    for (const entry of entries) {
      const { source, kind, mode, uid, gid, stats, link = '' } = entry;
      const content = hashed.get(entry)?.slice('sha256:'.length).slice(0, contentDigits) ?? '';
      const device = kind === 'char' || kind === 'block' ? stats.rdev : '';
      yield { path: source, state: `${kind} ${mode.toString(8)} ${uid}:${gid} ${content}${device}${link}` };
    }
  }
}
