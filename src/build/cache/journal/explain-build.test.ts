import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { explainBuild, type Reason } from './explain-build.ts';
import type { JournalBuild, JournalStep, StepInput } from './journal.ts';

const base = { name: 'debian:12', digest: 'base' };
const command = (digest: string): StepInput => ({ kind: 'command', name: '', digest });
const variable = (name: string, digest: string): StepInput => ({ kind: 'variable', name, digest });
const files = (digest: string): StepInput => ({ kind: 'files', name: '', digest });
const platform = 'linux/amd64';

/** RUN, COPY, RUN: all of them ran. */
function steps(changes: Readonly<Record<number, Partial<JournalStep>>> = {}): JournalStep[] {
  const texts = ['RUN setup', 'COPY . /src', 'RUN make'];
  const inputs = [[command('setup')], [files('sha256:a')], [command('make'), variable('V', '1')]];
  return texts.map((text, index) => ({
    ...{ platform, stage: '0', number: index + 2, total: 4, text, state: 'ran', base },
    inputs: inputs[index] as StepInput[],
    ...(index > 0 && { below: `${platform} 0 ${index + 1}` }),
    made: `made ${index}`,
    ...changes[index],
  }));
}

const build = (own: readonly JournalStep[], more: Partial<JournalBuild> = {}): JournalBuild => ({
  ...{ time: 1, platforms: [platform], cache: true, steps: own, ...more },
});

const why = (now: readonly JournalStep[], then: readonly JournalStep[] = steps()): Reason[][] =>
  explainBuild(build(now), build(then)).map(({ reasons }) => [...reasons]);

const forgotten: Reason[] = [{ kind: 'forgotten' }];

describe('why a step ran', () => {
  test('nothing to compare with, or told to', () => {
    assert.deepEqual(explainBuild(build(steps()), undefined)[0]?.reasons, [{ kind: 'new' }]);
    const told = explainBuild(build(steps(), { cache: false }), build(steps()));
    assert.deepEqual(told[2]?.reasons, [{ kind: 'no-cache' }]);
  });

  test('nothing changed, it was found, or not reached', () => {
    assert.deepEqual(why(steps({ 2: { state: 'later' } }))[2], []);
    assert.deepEqual(why(steps({ 0: { state: 'cached' } })), [[], forgotten, forgotten]);
  });

  test('files, and what lies on them', () => {
    const changed = steps({ 0: { state: 'cached' }, 1: { inputs: [files('sha256:b')], made: 'other' } });
    assert.deepEqual(why(changed), [
      [],
      [{ kind: 'files', digest: 'sha256:b', before: 'sha256:a' }],
      [{ kind: 'step', stage: '0', number: 3, text: 'COPY . /src' }],
    ]);
  });

  test('a step that came to the same files is no reason', () => {
    const same = steps({ 1: { inputs: [files('sha256:b')] } });
    assert.deepEqual(why(same)[2], forgotten);
  });

  test('a variable, whose value shows in the text, is no other instruction', () => {
    const changed = steps({ 2: { text: 'RUN make V=2', inputs: [command('make'), variable('V', '2')] } });
    assert.deepEqual(why(changed)[2], [{ kind: 'variable', name: 'V', change: 'changed' }]);
  });

  test('another instruction in the same place', () => {
    const changed = steps({ 2: { text: 'RUN make all', inputs: [command('all'), variable('W', '1')] } });
    assert.deepEqual(why(changed)[2], [
      { kind: 'instruction', before: 'RUN make' },
      { kind: 'variable', name: 'W', change: 'added' },
      { kind: 'variable', name: 'V', change: 'removed' },
    ]);
  });

  test('the base is the reason for all that lies on it', () => {
    const other = { name: 'debian:13', digest: 'other' };
    const reason: Reason = { kind: 'base', name: 'debian:13', before: 'debian:12' };
    assert.deepEqual(why(steps({ 0: { base: other }, 1: { base: other }, 2: { base: other } })), [
      [reason],
      [reason],
      [reason],
    ]);
  });

  test('a step is the same one where others were put before it', () => {
    const moved = steps().map((step) => ({
      ...step,
      number: step.number + 1,
      ...(step.below && { below: `${platform} 0 ${step.number}` }),
    }));
    const extra = { ...(steps()[0] as JournalStep), text: 'RUN new', inputs: [command('new')], made: 'new' };
    const now = [extra, { ...(moved[0] as JournalStep), below: `${platform} 0 2` }, ...moved.slice(1)];
    const reasons = why(now);
    assert.deepEqual(reasons[1], [{ kind: 'steps' }]);
    assert.deepEqual(reasons[3], [{ kind: 'step', stage: '0', number: 2, text: 'RUN new' }]);
  });

  test('other platforms’ steps are not told of', () => {
    const arm = steps().map((step) => ({ ...step, platform: 'linux/arm64' }));
    assert.equal(explainBuild(build([...steps(), ...arm]), undefined).length, 3);
  });
});
